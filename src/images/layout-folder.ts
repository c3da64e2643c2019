/** The folder of an OCI layout, as it stands or comes to stand at its path. */

import { readdir, rename, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { plainFolder } from '../io/files.ts'
import { codeOf } from './codes.ts'
import { explainWrite } from './sink.ts'

/**
 * Gives a folder that is whole its name. Where another pull was first, all but the last file comes
 * into its folder, for blobs of the same name are the same; then it is false.
 */
export async function appear(made: string, path: string, last: string): Promise<boolean> {
  try {
    await rename(made, path)
    return true
  } catch (error) {
    if (!/^(ENOTEMPTY|EEXIST|EPERM|EACCES)$/.test(codeOf(error))) throw explainWrite(error, path)
  }
  await isLayout(path, last)
  const names = await readdir(made, { recursive: true, withFileTypes: true })
  const files = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  for (const from of files.filter((file) => file !== join(made, last))) {
    const to = join(path, relative(made, from))
    try {
      plainFolder(dirname(to))
      await rename(from, to)
    } catch (error) {
      throw explainWrite(error, path)
    }
  }
  return false
}

/** Whether a layout stands at a path, to take more. What is anything else is refused. */
export async function isLayout(path: string, last: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined)
  if (!there) return false
  const names = there.isDirectory() ? await readdir(path) : undefined
  if (names?.includes(last)) return true
  if (names?.length === 0) {
    // Replaced by the new one as a whole, where renaming allows it.
    return false
  }
  throw new UserError('IMAGE', `${path}: it is there and no OCI layout; name a new folder`)
}
