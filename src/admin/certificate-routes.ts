import { listCertificates, reloadCertificates } from '../operations/certificate-operations.ts'
import { parseCertificateReload } from '../operations/inputs/certificate-inputs.ts'
import type { OperatedNode } from '../operations/operated-node.ts'
import { json, type Route } from './route.ts'

/** The paths that tell of the certificates of this node, and have it read them again. */
export function certificateRoutes(node: OperatedNode): readonly Route[] {
  return [
    {
      name: '/api/v1/certificates',
      path: /^\/api\/v1\/certificates$/,
      GET: async () => json(await listCertificates(node)),
    },
    {
      name: '/api/v1/certificates/reload',
      path: /^\/api\/v1\/certificates\/reload$/,
      isOfNode: true,
      POST: async ({ body }) => json(await reloadCertificates(node, parseCertificateReload(body))),
    },
  ]
}
