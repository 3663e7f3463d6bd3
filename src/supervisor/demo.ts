import { createServer as createHttpServer, type Server } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type RunningDaemon, type RunOptions, run } from './run.ts'

/** The config that the demo runs: an example like any other, its ports taken from variables. */
const DEMO_CONFIG = fileURLToPath(new URL('../../configs/demo.yaml', import.meta.url))

/** Ports that the demo would like to have; each gives way to a free one where it is taken. */
const PORTS = {
  SLUICE_DEMO_PORT: 8080,
  SLUICE_DEMO_ADMIN_PORT: 8404,
  SLUICE_DEMO_APP1_PORT: 9001,
  SLUICE_DEMO_APP2_PORT: 9002,
  SLUICE_DEMO_APP3_PORT: 9003,
}

/** What `sluice demo` is started with; the config file is its own. */
export type DemoOptions = Omit<RunOptions, 'file'> & {
  /** Where the banner goes: standard output. */
  readonly tell: (text: string) => void
}

/** Starts three small HTTP servers and a balancer in front of them. */
export async function runDemo(options: DemoOptions): Promise<RunningDaemon> {
  const env: Record<string, string | undefined> = { ...options.env }
  for (const [name, port] of Object.entries(PORTS)) env[name] = String(await freePort(port))
  const apps = ['APP1', 'APP2', 'APP3'].map((app) =>
    startApp(app.toLowerCase(), Number(env[`SLUICE_DEMO_${app}_PORT`])),
  )
  const exit = (status: number): void => {
    for (const app of apps) {
      app.close()
      app.closeAllConnections()
    }
    options.exit(status)
  }
  const daemon = await run({ ...options, env, file: DEMO_CONFIG, exit })
  options.tell(banner(env))
  return daemon
}

function banner(env: Readonly<Record<string, string | undefined>>): string {
  const proxy = `http://127.0.0.1:${env['SLUICE_DEMO_PORT']}`
  const admin = `http://127.0.0.1:${env['SLUICE_DEMO_ADMIN_PORT']}`
  return `
Sluice balances three sample servers (app1, app2, app3).

  proxy    ${proxy}/
  admin    ${admin}/api/v1/servers
  metrics  ${admin}/metrics

Try:
  curl ${proxy}/                  a different server answers each time
  curl -s ${admin}/metrics | grep sluice_server_http_responses_total
  bin/sluice server list --admin ${admin}

Ctrl-C drains and stops.
`
}

/** A server that says its name, counts its requests and is healthy. */
function startApp(name: string, port: number): Server {
  let requests = 0
  const server = createHttpServer((request, response) => {
    response.setHeader('content-type', 'text/plain')
    if (request.url === '/healthz') {
      response.end('ok\n')
      return
    }
    requests++
    const from = request.headers['x-forwarded-for'] ?? 'nobody'
    response.end(`${name}: request ${requests}, ${request.method} ${request.url} for ${from}\n`)
  })
  return server.listen(port, '127.0.0.1')
}

/** The wanted port if nobody listens there, else one that is free. */
async function freePort(wanted: number): Promise<number> {
  return (await portOf(wanted)) ?? (await portOf(0)) ?? wanted
}

async function portOf(port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const { port: bound } = server.address() as AddressInfo
      server.close(() => resolve(bound))
    })
  })
}
