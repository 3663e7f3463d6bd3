import type { Report } from '../diagnostics/diagnostics.ts'
import { PROBE_OPTIONS } from '../schema/probe-keys.ts'
import type { Cursor } from '../text/tree.ts'
import { parseAddress } from '../values/addresses.ts'

/** Servers that may track one another in a row: more is hardly meant. */
const TRACKS_MAX = 16

/** Reports settings of health checks that do not go together, or lead nowhere. */
export function validateProbes(tree: Cursor, report: Report): void {
  const backends = tree.at('backends').values()
  for (const proxy of [tree.at('defaults'), ...backends]) {
    validateOneOption(proxy.at('option'), report)
    validateVersion(proxy.at('option').at('httpchk'), report)
    validateUser(proxy.at('option').at('pgsql-check'), report)
  }
  const servers = new Map<string, Server>()
  for (const backend of backends) {
    const standard = [backend.at('default-server'), tree.at('defaults').at('default-server')]
    for (const server of backend.at('servers').values()) {
      servers.set(`${backend.name}/${server.name}`, { at: server, places: [server, ...standard] })
    }
  }
  for (const place of new Set([...servers.values()].flatMap(({ places }) => places))) {
    validateOneWatch(place, report)
  }
  const told = new Set<string>()
  for (const server of servers.values()) {
    validateAgent(server, report)
    validateTrack(server, servers, (track, message, hint) => {
      // What a `default-server` says may be wrong for each server that has it.
      const where = `${track.path.join(' ')}: ${message}`
      if (!told.has(where)) report.error(track.span, track.path, { message, hint })
      told.add(where)
    })
  }
}

/**
 * Which server one tracks, where that is written; null where it tracks none. The nearest place that
 * says `track`, or `check: true`, counts.
 *
 * @param places the server and its `default-server`s, the nearest one first
 */
export function trackOf(places: readonly Cursor[]): Cursor | null {
  const place = places.find((at) => at.at('track').node !== null || at.at('check').value === true)
  const track = place?.at('track') ?? null
  return track === null || track.node === null ? null : track
}

/** A server, and where what holds for it may be written, the nearest place first. */
interface Server {
  readonly at: Cursor
  readonly places: readonly Cursor[]
}

function settingOf({ places }: Server, key: string): Cursor | undefined {
  return places.map((place) => place.at(key)).find(({ node }) => node !== null)
}

function validateOneOption(option: Cursor, report: Report): void {
  const given = PROBE_OPTIONS.map((name) => option.at(name)).filter(
    ({ node, value }) => node !== null && value !== false,
  )
  const [first, second] = given
  if (first === undefined || second === undefined) return
  report.error(second.keySpan, second.path, {
    message: `servers are checked in one way: by ${first.name} or by ${second.name}`,
    hint: 'Delete one of them.',
  })
}

/** PostgreSQL has nothing to say before it knows who asks. */
function validateUser(pgsql: Cursor, report: Report): void {
  if (pgsql.value !== true) return
  const message = 'pgsql-check needs a user to ask for'
  report.error(pgsql.span, pgsql.path, { message, hint: 'Write pgsql-check: {user: NAME}.' })
}

/** RFC 9112 section 3.2. */
function validateVersion(httpchk: Cursor, report: Report): void {
  const version = httpchk.at('version')
  if (version.value !== 'HTTP/1.1' || httpchk.at('host').node !== null) return
  report.error(version.span, version.path, {
    message: 'a request of HTTP/1.1 has a Host header',
    hint: 'Add host: NAME.',
  })
}

function validateAgent(server: Server, report: Report): void {
  const asked = settingOf(server, 'agent-check')
  if (asked?.value !== true) return
  const place = asked.path.includes('servers') ? asked : server.at
  if (settingOf(server, 'agent-port') === undefined) {
    const message = `server "${server.at.name}" has no agent-port to ask its agent on`
    report.error(place.keySpan, place.path, { message, hint: 'Add agent-port: N.' })
    return
  }
  const text = server.at.text ?? server.at.at('address').text ?? ''
  const address = parseAddress(text, 'server')
  const isSocket = 'value' in address && address.value.kind === 'unix'
  if (!isSocket || settingOf(server, 'agent-addr') !== undefined) return
  const message = 'the server is a Unix socket: to ask an agent, give agent-addr too'
  report.error(place.keySpan, place.path, { message, hint: '' })
}

function validateOneWatch(place: Cursor, report: Report): void {
  if (!isWatchedTwice(place)) return
  const check = place.at('check')
  report.error(check.keySpan, check.path, {
    message: 'a server that tracks another one is not checked itself',
    hint: 'Delete check, or track.',
  })
}

function isWatchedTwice(place: Cursor): boolean {
  return place.at('check').value === true && place.at('track').node !== null
}

/** HAProxy configuration manual, track: a server that is checked, or that tracks one that is. */
function validateTrack(
  server: Server,
  servers: ReadonlyMap<string, Server>,
  refuseAt: (track: Cursor, message: string, hint: string) => void,
): void {
  const track = trackOf(server.places)
  if (track === null || track.text === null || !track.text.includes('/')) return
  if (server.places.some(isWatchedTwice)) return
  const refuse = (message: string, hint = ''): void => refuseAt(track, message, hint)
  let tracked: Server | undefined = server
  let name = ''
  for (let steps = 0; steps <= TRACKS_MAX; steps++) {
    const next: string | null = trackOf(tracked.places)?.text ?? null
    if (next === null) break
    name = next
    tracked = servers.get(name)
    if (tracked === undefined) {
      refuse(`there is no server "${name}"`, 'Write BACKEND/SERVER.')
      return
    }
    if (tracked === server || steps === TRACKS_MAX) {
      refuse('this goes round in a circle, or through too many servers')
      return
    }
  }
  if (settingOf(tracked, 'check')?.value === true) return
  refuse(`server "${name}" is not checked`, `Add check: true to it.`)
}
