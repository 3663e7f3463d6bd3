import { execFileSync, spawnSync } from 'node:child_process'
import { onTestFinished } from 'vitest'

/** A host of its own, as far as the network goes. */
export interface VirtualHost {
  /** Of its namespace, for `ip netns exec`. */
  readonly namespace: string
  /** Reached from the other hosts. */
  readonly address: string
  /** Takes its cable out. */
  readonly unplug: () => void
  readonly plug: () => void
  /** Loses all that it sends to another host. */
  readonly cutOff: (other: VirtualHost) => void
  readonly letThrough: (other: VirtualHost) => void
}

let networks = 0

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Network namespaces are root's, and not of every root: containers may be denied them. */
export function canNetwork(): boolean {
  const namespace = `sluice${process.pid}try`
  const isMade = spawnSync('ip', ['netns', 'add', namespace], { stdio: 'ignore' }).status === 0
  if (isMade) spawnSync('ip', ['netns', 'del', namespace])
  return isMade
}

/** Hosts on one switch, made of network namespaces; gone when the test is over. Needs root. */
export function startNetwork(count: number): VirtualHost[] {
  const name = `sluice${process.pid}n${networks++}`
  const hub = `${name}hub`
  addNamespace(hub)
  ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
  ip('-n', hub, 'link', 'set', 'switch', 'up')
  return Array.from({ length: count }, (_, n) => plugIn(hub, `${name}h${n + 1}`, n + 1))
}

function addNamespace(namespace: string): void {
  ip('netns', 'add', namespace)
  onTestFinished(() => ip('netns', 'del', namespace))
}

function plugIn(hub: string, namespace: string, n: number): VirtualHost {
  const address = `10.213.0.${n}`
  addNamespace(namespace)
  ip('link', 'add', 'net0', 'netns', namespace, 'type', 'veth', 'peer', `port${n}`, 'netns', hub)
  ip('-n', hub, 'link', 'set', `port${n}`, 'master', 'switch', 'up')
  ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'net0')
  ip('-n', namespace, 'link', 'set', 'net0', 'up')
  ip('-n', namespace, 'link', 'set', 'lo', 'up')
  const route = (verb: string, other: VirtualHost): void =>
    ip('-n', namespace, 'route', verb, 'blackhole', `${other.address}/32`)
  return {
    namespace,
    address,
    unplug: () => ip('-n', hub, 'link', 'set', `port${n}`, 'down'),
    plug: () => ip('-n', hub, 'link', 'set', `port${n}`, 'up'),
    cutOff: (other) => route('add', other),
    letThrough: (other) => route('del', other),
  }
}
