/** A username and password as HTTP's Basic and Docker's `auths` have them. */

/** `username:password` in base64, of UTF-8 as https://www.rfc-editor.org/rfc/rfc7617 has it. */
export function toBasic({
  username,
  secret,
}: {
  readonly username: string
  readonly secret: string
}): string {
  return Buffer.from(`${username}:${secret}`).toString('base64')
}
