/** The library: what stands behind a name, and the credentials for it. */

export { parseRegistry, type Registry } from './domain/registry.ts'
export { UserError, type UserErrorCode } from './domain/errors.ts'
