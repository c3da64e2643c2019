/** The codes of errors, as the system and Node have them. */

/** An error with a code, as the system has them. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** The code of an error, or nothing. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
