import type { IncomingMessage } from 'node:http'
import { SluiceError } from '../errors.ts'

/** Bytes of a body. A change of a server is below a hundred. */
export const BODY_BYTES_MAX = 16 * 1024

/**
 * Reads a request's body as JSON. That it must say so keeps out what an HTML form of another site
 * can send without being asked (Fetch standard, CORS-safelisted request-header).
 *
 * @throws SluiceError `media-type-unsupported`, `body-too-large`, `request-invalid`
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const { 'content-type': contentType = '', 'content-length': length = '0' } = request.headers
  const [mediaType = ''] = contentType.split(';')
  if (mediaType.trim().toLowerCase() !== 'application/json') {
    const found = contentType === '' ? 'the body has no type' : `the body is ${contentType}`
    throw new SluiceError('media-type-unsupported', `${found}, not application/json`)
  }
  if (Number(length) > BODY_BYTES_MAX) throw tooLarge()
  const bytes = await readBytes(request)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new SluiceError('request-invalid', 'the body is not JSON in UTF-8', error)
  }
}

/** Whether a request has a body (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= BODY_BYTES_MAX) chunks.push(chunk)
      else {
        request.pause()
        reject(tooLarge())
      }
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    const onBroken = (error?: Error): void => {
      reject(new SluiceError('request-invalid', 'the body broke off', error))
    }
    request.on('error', onBroken)
    // Comes after the end too, when it changes nothing.
    request.on('close', () => onBroken())
  })
}

function tooLarge(): SluiceError {
  return new SluiceError('body-too-large', `the body has more than ${BODY_BYTES_MAX} bytes`)
}
