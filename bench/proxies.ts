import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startPinned, untilAnswers } from './children.ts'
import { freePorts } from './host.ts'
import { nginxPreamble, nginxTempPaths } from './origin.ts'
import type { ProxyMode } from './scenarios.ts'

/** What a proxy is started with. */
export interface ProxySetup {
  readonly folder: string
  /** Cores that it runs on, each with a thread that carries traffic. */
  readonly cores: readonly number[]
  readonly originPort: number
  /** Client connections that it must take at once. */
  readonly maxconn: number
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly name: ProxyName
  readonly child: Child
  /** Where it listens, by mode; tcp only where the program has that mode. */
  readonly urls: Readonly<Partial<Record<ProxyMode, string>>>
}

interface Ports {
  readonly http: number
  readonly tcp: number
  readonly admin: number
}

interface Program {
  readonly hasTcp: boolean
  /** Writes its files, and says how it is called. */
  readonly command: (setup: ProxySetup, ports: Ports) => readonly [string, ...string[]]
}

const SLUICE = fileURLToPath(new URL('../bin/sluice', import.meta.url))
const HTTP_PROXY_SERVER = fileURLToPath(new URL('http-proxy-server.js', import.meta.url))

/** Checks, forwardfor, reuse of server connections, no log: the same in all files. */
const PROGRAMS = {
  sluice: {
    hasTcp: true,
    command: (setup, ports) => {
      const file = writeConfig(setup, 'sluice.yaml', sluiceConfig(setup, ports))
      return [process.execPath, SLUICE, 'run', '-f', file]
    },
  },
  haproxy: {
    hasTcp: true,
    command: (setup, ports) => {
      const file = writeConfig(setup, 'haproxy.cfg', haproxyConfig(setup, ports))
      return ['haproxy', '-db', '-f', file]
    },
  },
  nginx: {
    hasTcp: false,
    command: (setup, ports) => {
      const file = writeConfig(setup, 'nginx.conf', nginxConfig(setup, ports))
      return ['nginx', '-p', setup.folder, '-c', file]
    },
  },
  'http-proxy': {
    hasTcp: false,
    command: httpProxyCommand,
  },
  'http-proxy-keepalive': {
    hasTcp: false,
    command: (setup, ports) => [...httpProxyCommand(setup, ports), 'keep-alive'],
  },
} as const satisfies Record<string, Program>

/** A program that can be measured. */
export type ProxyName = keyof typeof PROGRAMS

/** All of them, in the order of the report. */
export const PROXY_NAMES = Object.keys(PROGRAMS) as readonly ProxyName[]

/** The programs that measuring these proxies takes. */
export function toolsFor(names: readonly ProxyName[]): string[] {
  return ['nginx', 'wrk', 'taskset', ...names.filter((name) => name === 'haproxy')]
}

/**
 * Starts a proxy in front of the origin, and waits until it answers.
 *
 * @throws Error with what it wrote, when it does not
 */
export async function startProxy(name: ProxyName, setup: ProxySetup): Promise<RunningProxy> {
  const [http = 0, tcp = 0, admin = 0] = await freePorts(3)
  const program: Program = PROGRAMS[name]
  const [command, ...args] = program.command(setup, { http, tcp, admin })
  const child = startPinned(name, setup.cores, command, args)
  const url = (port: number): string => `http://127.0.0.1:${port}`
  const urls = program.hasTcp ? { http: url(http), tcp: url(tcp) } : { http: url(http) }
  for (const address of Object.values(urls)) await untilAnswers(child, `${address}/small`)
  return { name, child, urls }
}

function httpProxyCommand(setup: ProxySetup, ports: Ports): readonly [string, ...string[]] {
  const origin = `127.0.0.1:${setup.originPort}`
  return [process.execPath, HTTP_PROXY_SERVER, String(ports.http), origin]
}

function writeConfig(setup: ProxySetup, name: string, text: string): string {
  const file = join(setup.folder, name)
  writeFileSync(file, text)
  return file
}

function sluiceConfig({ originPort, maxconn, cores }: ProxySetup, ports: Ports): string {
  return `
global: {nbthread: ${cores.length}, maxconn: ${maxconn}, log: {access: off}}
admin: {bind: "127.0.0.1:${ports.admin}", socket: "off"}
defaults:
  timeout: {connect: 5s, client: 1h, server: 1h, http-request: 10s, http-keep-alive: 1h}
  option: {forwardfor: true}
frontends:
  web: {mode: http, bind: "127.0.0.1:${ports.http}", default_backend: app}
  raw: {mode: tcp, bind: "127.0.0.1:${ports.tcp}", default_backend: stream}
backends:
  app: {mode: http, servers: {origin: {address: "127.0.0.1:${originPort}", check: true}}}
  stream: {mode: tcp, servers: {origin: {address: "127.0.0.1:${originPort}", check: true}}}
`
}

function haproxyConfig({ originPort, maxconn, cores }: ProxySetup, ports: Ports): string {
  return `
global
  nbthread ${cores.length}
  maxconn ${maxconn}
  # It would not start where the descriptor limit is below twice maxconn, although it needs fewer.
  no strict-limits
defaults
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-request 10s
  timeout http-keep-alive 1h
frontend web
  mode http
  bind 127.0.0.1:${ports.http}
  option forwardfor
  default_backend app
frontend raw
  mode tcp
  bind 127.0.0.1:${ports.tcp}
  default_backend stream
backend app
  mode http
  # nginx and http-proxy reuse a server connection for a client's first request too.
  http-reuse always
  server origin 127.0.0.1:${originPort} check
backend stream
  mode tcp
  server origin 127.0.0.1:${originPort} check
`
}

function nginxConfig({ folder, originPort }: ProxySetup, ports: Ports): string {
  return `${nginxPreamble(folder, 'nginx')}
http {
  ${nginxTempPaths(folder, 'nginx')}
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  upstream app {
    server 127.0.0.1:${originPort};
    keepalive 64;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${ports.http};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      # Bodies stream through memory, as in the others.
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }
}
`
}
