import { isScalar, parseDocument, visit } from 'yaml'

/** What stands in place of a secret. */
const SECRET_MASK = '***'

/** Keys whose value is a secret: `dynamic-cookie-key`, and of `headers` those that say who asks. */
const SECRET_KEY =
  /(^|[-_])(authorization|body|cookie-key|credentials?|passw(or)?d|secret|token|api-?key)$/i

/** Names of headers whose value lets in who knows it. */
const SECRET_HEADER = String.raw`[\w-]*(?:authorization|cookie|credential|key|passw|secret|token)[\w-]*`

/** Where a rule or a check step has a secret: what stands before it is the first group. */
const SECRET_PLACES: readonly RegExp[] = [
  // set-header Authorization "Basic ..." if ...; hdr X-Api-Key ... of return
  new RegExp(
    String.raw`((?:(?:set|add|replace)-header|hdr)[ \t]+${SECRET_HEADER}[ \t]+)(?:.(?![ \t](?:if|unless)[ \t]))+.`,
    'gi',
  ),
  // { req.hdr(authorization) -m str "Basic ..." }
  new RegExp(
    String.raw`(hdr\w*\([ \t]*${SECRET_HEADER}[^)]*\)[^ \t}]*[ \t]+)[^}]+?(?=[ \t]*(?:\}|$))`,
    'gi',
  ),
  // send "AUTH ..." of tcp-check
  /(^["']?[ \t]*send(?:-binary)?[ \t]+).+$/g,
  // https://user:password@host
  /(:\/\/[^/\s:@]+:)[^/\s@]+(?=@)/g,
]

/**
 * The text of a config without its secrets, for who may read it and not change it: values of keys
 * that are secrets, headers that let in who knows them, what checks send, passwords in URLs. All
 * else stays as it is written. A text that is no YAML is not shown at all.
 */
export function maskSecrets(text: string): string {
  const document = parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    logLevel: 'silent',
  })
  if (document.errors.length > 0) return SECRET_MASK
  const masked: { readonly start: number; readonly end: number; readonly shown: string }[] = []
  visit(document, {
    Scalar: (key, node, path) => {
      const [start, end] = node.range ?? [0, 0]
      if (key === 'key' || start === end) return
      const written = text.slice(start, end)
      const parent = path.at(-1)
      const name =
        parent !== undefined && 'key' in parent && isScalar(parent.key) ? parent.key.value : ''
      const shown = SECRET_KEY.test(String(name)) ? SECRET_MASK : maskIn(written)
      if (shown !== written) masked.push({ start, end, shown })
    },
  })
  let shown = ''
  let at = 0
  for (const part of masked.sort((one, other) => one.start - other.start)) {
    shown += text.slice(at, part.start) + part.shown
    at = part.end
  }
  return shown + text.slice(at)
}

function maskIn(written: string): string {
  const quote = /^["']/.exec(written)?.[0] ?? ''
  const inner = quote === '' ? written : written.slice(1, -1)
  const shown = SECRET_PLACES.reduce(
    (line, place) => line.replace(place, (_, before: string) => before + SECRET_MASK),
    inner,
  )
  return quote + shown + quote
}
