import type { IncomingMessage } from 'node:http'
import { SluiceError } from '../base/errors.ts'
import { CONFIG_BODY_BYTES_MAX } from '../model/change-limits.ts'

/** Bytes of a body. A change of a server is below a hundred. */
export const BODY_BYTES_MAX = 16 * 1024

const JSON_TYPE = 'application/json'

/** RFC 9512. */
const YAML_TYPE = 'application/yaml'

const DECODERS = {
  json: new TextDecoder('utf-8', { fatal: true }),
  yaml: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }),
}

/** A body as it came. */
export interface RequestBody {
  readonly bytes: Buffer
  /** Value of `Content-Type`. */
  readonly contentType: string
  readonly isYaml: boolean
}

/**
 * Reads the body of a change. That it must be JSON, or YAML where that is the text of a config, and
 * say so keeps out what an HTML form of another site can send without being asked (Fetch standard,
 * CORS-safelisted request-header).
 *
 * @param takesConfig it may have {@link CONFIG_BODY_BYTES_MAX}, and be YAML
 * @throws SluiceError `media-type-unsupported`, `body-too-large`, `request-invalid`
 */
export async function readBody(
  request: IncomingMessage,
  takesConfig: boolean,
): Promise<RequestBody> {
  const { 'content-type': contentType = '', 'content-length': length = '0' } = request.headers
  const [mediaType = ''] = contentType.split(';')
  const type = mediaType.trim().toLowerCase()
  const isYaml = takesConfig && type === YAML_TYPE
  if (type !== JSON_TYPE && !isYaml) {
    const found = contentType === '' ? 'the body has no type' : `the body is ${contentType}`
    const allowed = takesConfig ? `${JSON_TYPE} or ${YAML_TYPE}` : JSON_TYPE
    throw new SluiceError('media-type-unsupported', `${found}, not ${allowed}`)
  }
  const bytesMax = takesConfig ? CONFIG_BODY_BYTES_MAX : BODY_BYTES_MAX
  if (Number(length) > bytesMax) throw tooLarge(bytesMax)
  return { bytes: await readBytes(request, bytesMax), contentType, isYaml }
}

/**
 * What a body says.
 *
 * @returns JSON, or the text of a body in YAML, with all that is in it
 * @throws SluiceError `request-invalid`
 */
export function decodeBody({ bytes, isYaml }: RequestBody): unknown {
  try {
    return isYaml ? DECODERS.yaml.decode(bytes) : JSON.parse(DECODERS.json.decode(bytes))
  } catch (error) {
    const expected = isYaml ? 'a text' : 'JSON'
    throw new SluiceError('request-invalid', `the body is not ${expected} in UTF-8`, error)
  }
}

/** Whether a request has a body (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function readBytes(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= bytesMax) chunks.push(chunk)
      else {
        request.pause()
        reject(tooLarge(bytesMax))
      }
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    const onBroken = (error?: Error): void => {
      reject(new SluiceError('request-invalid', 'the body broke off', error))
    }
    request.on('error', onBroken)
    request.on('close', () => {
      if (!request.complete) onBroken()
    })
  })
}

function tooLarge(bytesMax: number): SluiceError {
  return new SluiceError('body-too-large', `the body has more than ${bytesMax} bytes`)
}
