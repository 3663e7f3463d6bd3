import { beforeEach, expect, it } from 'vitest'
import { datedCookieText, readDatedCookie } from '../../src/http/cookies.ts'
import { startDaemon } from './support/daemon.ts'
import { startHaproxy } from './support/haproxy.ts'
import { httpClient } from './support/http-client.ts'
import { startHttpServer } from './support/http-server.ts'
import { freePort } from './support/ports.ts'
import { requires } from './support/requirements.ts'
import { until } from './support/waiting.ts'

beforeEach(requires('haproxy'))

const COOKIE_LINES = [
  'SRV',
  'SRV insert',
  'SRV insert indirect nocache',
  'SRV insert preserve',
  'SRV insert indirect preserve',
  'SRV insert nocache postonly',
  'SRV insert maxidle 60s',
  'SRV insert indirect maxlife 600s',
  'SRV insert maxidle 60s maxlife 600s',
  'SRV insert httponly secure domain .a.example domain b.example attr SameSite=Lax',
  'SRV rewrite',
  'SRV prefix',
]

/** One request, and what its server answers. */
interface Visit {
  readonly cookie?: string
  readonly method?: string
  readonly setCookie?: string
  readonly cacheControl?: string
  readonly status?: number
}

const nowSec = Math.floor(Date.now() / 1_000)
const dated = (server: string, lastAgoSec: number, firstAgoSec?: number): string =>
  datedCookieText({
    server,
    lastSec: nowSec - lastAgoSec,
    firstSec: firstAgoSec === undefined ? 0 : nowSec - firstAgoSec,
  })

const DAY_SEC = 86_400
/** Server `c1` is up, `c2` is not, and `c3` there is none. */
const COOKIES = [
  undefined,
  'a=1',
  'a=1; SRV=c1; b=2',
  'SRV=c2',
  'a=1; SRV=c3',
  'SRV=',
  'SRV=c1~own; b=2',
  'SRV=c2~own',
  'b=2; SRV=own',
  `SRV=${dated('c1', 30)}`,
  `SRV=${dated('c1', 300)}`,
  `SRV=${dated('c1', 30, 300)}`,
  `SRV=${dated('c1', 30, 3_000)}; b=2`,
  `SRV=${dated('c1', 300, 300)}`,
  `SRV=${dated('c1', -DAY_SEC / 2)}`,
  `SRV=${dated('c1', -DAY_SEC * 2)}`,
  `SRV=${dated('c2', 30, 300)}`,
  'SRV=c1|AAA',
]
const SET_COOKIES = [undefined, 'SRV=own; path=/own; HttpOnly', 'a=1; path=/']

const VISITS: readonly Visit[] = [
  ...COOKIES.flatMap((cookie) => SET_COOKIES.map((setCookie) => ({ cookie, setCookie }))),
  { method: 'POST' },
  { method: 'POST', cookie: 'SRV=c1' },
  ...[200, 204, 302, 404, 500].flatMap((status) =>
    [undefined, 'public', 'max-age=60', 'no-store', 'private, max-age=60'].map((cacheControl) => ({
      status,
      cacheControl,
    })),
  ),
].map((visit) =>
  Object.fromEntries(Object.entries(visit).filter(([, value]) => value !== undefined)),
)

/** What came of a visit. */
interface Outcome {
  readonly setCookies: readonly string[]
  readonly cacheControls: readonly string[]
  /** The cookies that the server saw. */
  readonly seen: readonly string[]
  readonly letters: string | undefined
}

const listOf = (value: string | string[] | undefined): string[] => [value ?? []].flat()

/** Dates are of now, as good as all that is between two requests and rounding. */
function withoutDates(setCookie: string): string {
  const [, pair = '', rest = ''] = /^([^;]*)(.*)$/.exec(setCookie) ?? []
  const { server, lastSec, firstSec } = readDatedCookie(pair)
  const show = (sec: number): string => {
    const agoSec = Math.floor(Date.now() / 1_000) - sec
    if (sec === 0) return ''
    return Math.abs(agoSec) < 60 ? '|now' : `|${Math.round(agoSec / 60)}m`
  }
  return server + show(lastSec) + show(firstSec) + rest
}

async function outcomesOf(port: number, line: number, log: readonly string[]): Promise<Outcome[]> {
  const ask = httpClient(port)
  const outcomes: (Omit<Outcome, 'letters'> & { readonly path: string })[] = []
  for (const [index, visit] of VISITS.entries()) {
    const path = `/${line}/${index}/`
    const headers = {
      'x-status': String(visit.status ?? 200),
      ...(visit.cookie !== undefined && { 'cookie': visit.cookie }),
      ...(visit.setCookie !== undefined && { 'x-set-cookie': visit.setCookie }),
      ...(visit.cacheControl !== undefined && { 'x-cache-control': visit.cacheControl }),
    }
    const answer = await ask(path, { method: visit.method ?? 'GET', headers })
    outcomes.push({
      setCookies: listOf(answer.headers['set-cookie']).map(withoutDates),
      // HAProxy marks only what its own cache would keep, which we mark too.
      cacheControls: listOf(answer.headers['cache-control']).filter((text) => text !== 'private'),
      seen: listOf(answer.headers['x-seen'])
        .flatMap((text) => text.split(';'))
        .map((text) => text.trim())
        .filter((text) => text !== ''),
      path,
    })
  }
  const lettersOf = (path: string): string | undefined =>
    log
      .map((one) => / - - (\S{4}) .*"\S+ (\S+) HTTP/.exec(one))
      .find((one) => one?.[2] === path)?.[1]
  return until('the log', () => {
    const logged = outcomes.map(({ path, ...outcome }) => ({
      ...outcome,
      letters: lettersOf(path),
    }))
    return logged.every(({ letters }) => letters !== undefined) ? logged : undefined
  })
}

it('cookies are made, followed and logged as HAProxy does it', async () => {
  const server = await startHttpServer({
    answer: ({ headers }, response) => {
      const told = (name: string): string | undefined => headers[name] as string | undefined
      const [setCookie, cacheControl] = [told('x-set-cookie'), told('x-cache-control')]
      if (setCookie !== undefined) response.setHeader('Set-Cookie', setCookie)
      if (cacheControl !== undefined) response.setHeader('Cache-Control', cacheControl)
      response.setHeader('X-Seen', headers.cookie ?? '')
      response.writeHead(Number(told('x-status'))).end()
    },
  })
  const ours = await Promise.all(COOKIE_LINES.map(() => freePort()))
  const theirs = await Promise.all(COOKIE_LINES.map(() => freePort()))
  const haproxy = await startHaproxy(
    [
      'defaults\n  mode http\n  log global\n  option httplog\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s',
      ...COOKIE_LINES.map((line, n) =>
        [
          `listen p${n}`,
          `  bind 127.0.0.1:${theirs[n]}`,
          `  cookie ${line}`,
          `  server s1 ${server.address} cookie c1`,
          `  server s2 ${server.address} cookie c2 disabled`,
        ].join('\n'),
      ),
    ].join('\n'),
    theirs.at(-1) as number,
  )
  const name = (n: number): string => `p${n}`
  const daemon = await startDaemon({
    config: {
      global: { nbthread: 1 },
      defaults: { mode: 'http' },
      frontends: Object.fromEntries(
        ours.map((port, n) => [name(n), { bind: `127.0.0.1:${port}`, default_backend: name(n) }]),
      ),
      backends: Object.fromEntries(
        COOKIE_LINES.map((cookie, n) => {
          const s1 = { address: server.address, cookie: 'c1' }
          const s2 = { address: server.address, cookie: 'c2', disabled: true }
          return [name(n), { cookie, servers: { s1, s2 } }]
        }),
      ),
    },
  })
  const differences: string[] = []
  for (const [n, line] of COOKIE_LINES.entries()) {
    const [own, wanted] = await Promise.all([
      outcomesOf(ours[n] as number, n, daemon.accessLog),
      outcomesOf(theirs[n] as number, n, haproxy.accessLog),
    ])
    for (const [index, visit] of VISITS.entries()) {
      const [mine, his] = [own[index], wanted[index]].map((outcome) => JSON.stringify(outcome))
      if (mine === his) continue
      differences.push(`${line} ${JSON.stringify(visit)}: ${mine}, HAProxy ${his}`)
    }
  }
  expect(differences).toEqual([])
})
