/** The paths of a registry, and what each is called, asks for and answers with. */

import { deleteBlob, getBlob, headBlob } from './blobs.ts'
import { listRepositories, listTags } from './lists.ts'
import { deleteManifest, getManifest, getReferrers, putManifest } from './manifests.ts'
import { cancelUpload, finishUpload, getUpload, patchUpload, startUpload } from './uploads.ts'
import { sendEmpty, type Visit } from './visit.ts'

export type Route = {
  readonly method: string
  readonly path: RegExp
  readonly operation: string
  /** The IAM action that the registry asks for, without its service; none for `/v2/`. */
  readonly action?: string
  readonly answer: (visit: Visit) => Promise<void> | void
}

const BASE = /^\/v2\/?$/
const CATALOG = /^\/v2\/_catalog$/
const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/
const BLOB = /^\/v2\/(.+)\/blobs\/(sha256:[^/]+)$/
const UPLOADS = /^\/v2\/(.+)\/blobs\/uploads\/?$/
const UPLOAD = /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/
const TAGS = /^\/v2\/(.+)\/tags\/list$/
const REFERRERS = /^\/v2\/(.+)\/referrers\/([^/]+)$/

const to = (
  [method, path]: readonly [string, RegExp],
  operation: string,
  action: string,
  answer: Route['answer'],
): Route => ({ method, path, operation, answer, ...(action && { action }) })

const ROUTES: readonly Route[] = [
  to(['GET', BASE], 'CheckVersion', '', ({ exchange }) => sendEmpty(exchange.response, 200)),
  to(['GET', CATALOG], 'ListRepositories', 'DescribeRepositories', listRepositories),
  to(['GET', TAGS], 'ListTags', 'ListImages', listTags),
  to(['GET', REFERRERS], 'GetReferrers', 'BatchGetImage', getReferrers),
  to(['HEAD', MANIFEST], 'HeadManifest', 'BatchGetImage', getManifest),
  to(['GET', MANIFEST], 'GetManifest', 'BatchGetImage', getManifest),
  to(['PUT', MANIFEST], 'PutManifest', 'PutImage', putManifest),
  to(['DELETE', MANIFEST], 'DeleteManifest', 'BatchDeleteImage', deleteManifest),
  to(['HEAD', BLOB], 'HeadBlob', 'BatchCheckLayerAvailability', headBlob),
  to(['GET', BLOB], 'GetBlob', 'GetDownloadUrlForLayer', getBlob),
  to(['DELETE', BLOB], 'DeleteBlob', 'BatchDeleteImage', deleteBlob),
  to(['POST', UPLOADS], 'StartUpload', 'InitiateLayerUpload', startUpload),
  to(['PATCH', UPLOAD], 'PatchUpload', 'UploadLayerPart', patchUpload),
  to(['PUT', UPLOAD], 'FinishUpload', 'CompleteLayerUpload', finishUpload),
  to(['DELETE', UPLOAD], 'CancelUpload', 'UploadLayerPart', cancelUpload),
  to(['GET', UPLOAD], 'GetUpload', 'UploadLayerPart', getUpload),
]

export function findRoute(method: string, path: string): Route | undefined {
  return ROUTES.find((route) => route.method === method && route.path.test(path))
}
