import { join } from 'node:path'
import type { ClusterReport } from '../../../src/operations/contract/cluster.ts'
import { ADMIN_HEADERS, type Daemon, startDaemon } from './daemon.ts'
import { freePort } from './ports.ts'
import { type Finished, runSluice } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './waiting.ts'

/** Sections of a config that the nodes share: `defaults`, `frontends`, `backends`. */
export type SharedSections = Readonly<Record<string, unknown>>

/** How a cluster is started. */
export interface ClusterOptions {
  /** Default 3. */
  readonly nodes?: number
  /** The text's own; `${WEB_PORT}` and `${SPARE_PORT}` are others on each node. */
  readonly config: SharedSections
  /** More of section `cluster`, for each node. */
  readonly cluster?: Readonly<Record<string, unknown>>
  /** Where a node keeps its data; default: in a folder of its own. */
  readonly dataDirOf?: (name: string) => string | undefined
  /** More of section `global`. */
  readonly global?: Readonly<Record<string, unknown>>
  /** What the nodes begin with; when they are started again they run the command under test. */
  readonly firstCommand?: string
}

/** One node of a test's cluster. */
export interface TestNode {
  readonly name: string
  /** Where its frontend listens: `${WEB_PORT}`. */
  readonly webPort: number
  /** Where nobody listens yet: `${SPARE_PORT}`. */
  readonly sparePort: number
  readonly peerPort: number
  readonly adminUrl: string
  /** The text of the file that it was started with. */
  readonly config: SharedSections
  readonly env: Readonly<Record<string, string>>
  readonly dataDir: string
  /** The process that runs now, or ran last. */
  daemon: Daemon
  /** Starts it again, after it has ended. */
  readonly start: () => Promise<void>
}

/** Nodes that are to act as one. */
export interface TestCluster {
  readonly nodes: readonly TestNode[]
  /** The node that leads, once all living nodes (or those given) name it. */
  readonly leader: (among?: readonly TestNode[]) => Promise<TestNode>
  /** Nodes that do not lead. */
  readonly followers: () => Promise<TestNode[]>
}

interface NodePlan {
  readonly name: string
  readonly peerPort: number
}

/** Starts the nodes and waits until they have a leader and run the same config. */
export async function startCluster(options: ClusterOptions): Promise<TestCluster> {
  const plans: NodePlan[] = []
  for (let n = 1; n <= (options.nodes ?? 3); n++) {
    plans.push({ name: `lb${n}`, peerPort: await freePort() })
  }
  const peers = Object.fromEntries(plans.map((p) => [p.name, `127.0.0.1:${p.peerPort}`]))
  const nodes = await Promise.all(plans.map((plan) => startNode(plan, peers, options)))
  const cluster = clusterOf(nodes)
  await cluster.leader()
  return cluster
}

/** Starts one node more, which the cluster may have been told of. */
export async function startNode(
  { name, peerPort }: NodePlan,
  peers: Readonly<Record<string, string>>,
  options: ClusterOptions,
): Promise<TestNode> {
  const folder = temporaryFolder()
  const [webPort, sparePort, adminPort] = [await freePort(), await freePort(), await freePort()]
  const dataDir = options.dataDirOf?.(name) ?? join(folder, 'data')
  const config = {
    global: { nbthread: 1, log: { access: 'off' }, ...options.global },
    admin: { bind: `127.0.0.1:${adminPort}`, env: ['WEB_PORT', 'SPARE_PORT', 'NODE_NAME'] },
    cluster: { 'node': name, peers, 'data-dir': dataDir, ...options.cluster },
    ...options.config,
  }
  const env = { WEB_PORT: String(webPort), SPARE_PORT: String(sparePort), NODE_NAME: name }
  const file = join(folder, 'sluice.yaml')
  const start = () => startDaemon({ config, env, file, adminPort })
  const { firstCommand: command } = options
  const daemon = await (command === undefined
    ? start()
    : startDaemon({ config, env, file, adminPort, command }))
  const node: TestNode = {
    name,
    webPort,
    sparePort,
    peerPort,
    adminUrl: daemon.adminUrl,
    config,
    env,
    dataDir,
    daemon,
    start: async () => {
      node.daemon = await start()
    },
  }
  return node
}

function clusterOf(nodes: readonly TestNode[]): TestCluster {
  const leader = (among: readonly TestNode[] = nodes.filter(isAlive)): Promise<TestNode> =>
    until('a leader that all nodes know', async () => {
      const views = await Promise.all(among.map((node) => viewOf(node)))
      const [first] = views
      const isAgreed = views.every(
        (view) => view?.leader === first?.leader && view?.epoch === first?.epoch,
      )
      if (!isAgreed || first === undefined || first.configVersion === 0) return undefined
      return among.find((node) => node.name === first.leader)
    })
  const followers = async (): Promise<TestNode[]> => {
    const { name } = await leader()
    return nodes.filter((node) => node.name !== name)
  }
  return { nodes, leader, followers }
}

function isAlive({ daemon }: TestNode): boolean {
  try {
    process.kill(daemon.pid, 0)
    return true
  } catch {
    return false
  }
}

/** The cluster as one node sees it; undefined where it does not answer. */
export async function viewOf({ adminUrl }: TestNode): Promise<ClusterReport | undefined> {
  const response = await fetch(`${adminUrl}/api/v1/cluster`, { headers: ADMIN_HEADERS }).catch(
    () => undefined,
  )
  return response?.ok === true ? ((await response.json()) as ClusterReport) : undefined
}

/** Runs a command against a node. */
export function sluiceOn(node: TestNode, ...args: readonly string[]): Promise<Finished> {
  return runSluice(...args, '--admin', node.daemon.admin)
}

/** Waits until nodes run the same version and have applied the same state. */
export async function agreeOn(nodes: readonly TestNode[]): Promise<void> {
  await until('the nodes to agree', async () => {
    const [view] = await Promise.all(nodes.slice(0, 1).map(viewOf))
    const rows = view?.nodes.filter(({ name }) => nodes.some((node) => node.name === name)) ?? []
    const [first] = rows
    const isAgreed =
      rows.length === nodes.length &&
      rows.every(
        (row) =>
          row.stateHash !== null &&
          row.stateHash === first?.stateHash &&
          row.configHash === first.configHash &&
          row.configVersion === view?.configVersion,
      )
    return isAgreed ? true : undefined
  })
}
