import { delimiter, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { RESTART_MS } from './demo-node.ts'

/** How this process was started. */
export interface Invocation {
  /** Absolute path of the script that Node was given: a link, where it was called by one. */
  readonly script: string
  /** The folder that it was started in. */
  readonly folder: string
  /** The variable PATH. */
  readonly path: string
}

/** What the banner says of a node. */
export interface BannerNode {
  readonly name: string
  /** `http://HOST:PORT`, where clients come. */
  readonly proxy: string
  /** `https://localhost:PORT`, where they come over TLS. */
  readonly secureProxy: string
  /** `http://HOST:PORT` of the admin address. */
  readonly admin: string
  /** `unix:PATH` of the admin socket. */
  readonly socket: string
  readonly pid: number
}

/**
 * What one types in the same folder to run the same program: `sluice` where it was found by PATH,
 * `npx sluice` in a project that it is installed in, else the path of the script.
 */
export function commandFor({ script, folder, path }: Invocation): string {
  const home = dirname(script)
  // npm puts these on the PATH of what it runs, and of nothing that runs after.
  const isOfProject = home.endsWith(join('node_modules', '.bin'))
  if (!isOfProject && path.split(delimiter).includes(home)) return 'sluice'
  const project = dirname(dirname(home))
  if (isOfProject && (folder + sep).startsWith(project + sep)) return 'npx sluice'
  const near = relative(folder, script)
  if (near.startsWith('..') || isAbsolute(near)) return script
  return near.includes(sep) ? near : `.${sep}${near}`
}

/** What the banner tells. */
export interface BannerFacts {
  readonly nodes: readonly BannerNode[]
  /** That their admin addresses want. */
  readonly token: string
  /** The file of who has signed the certificate that they show. */
  readonly authorityFile: string
  /** See {@link commandFor}. */
  readonly command: string
}

/** What the demo shows once its three nodes have met. */
export function banner({ nodes, token, authorityFile, command }: BannerFacts): string {
  const [first, second, third] = nodes as readonly [BannerNode, BannerNode, BannerNode]
  const rows = nodes.map(
    ({ name, proxy, admin, pid }) => `  ${name}      ${proxy}/  admin ${admin}  pid ${pid}\n`,
  )
  return `
Sluice balances three sample servers (app1, app2, app3): three nodes that act as one.

  proxy    ${first.proxy}/
  HTTPS    curl --cacert ${authorityFile} ${first.secureProxy}/
  metrics  ${first.admin}/metrics
  API      curl -H 'Authorization: Bearer ${token}' ${first.admin}/api/v1/servers

${rows.join('')}
Try:
  curl ${first.proxy}/                  a different server answers each time
  ${command} cluster status --admin ${second.socket}
  kill -9 ${third.pid}                             a node dies: the others go on; it is back in ${RESTART_MS / 1000} s
  ${command} server set app/app1 --state drain --admin ${second.socket}
  ${command} server list --admin ${first.socket}          drained on every node
  ${command} config show --admin ${first.socket} > my.yaml   change it, then
  ${command} config apply -f my.yaml --admin ${first.socket}
  ${command} config history --admin ${second.socket}

Ctrl-C drains and stops, a second one stops at once.
`
}
