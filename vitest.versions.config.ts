import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { endToEnd } from './vitest.config.ts'

/**
 * The end-to-end tests whose result may differ from one major version of Node.js to the next, and
 * what of it they stand on. What rests on our own code alone (parsing, rules, balancing, verdicts,
 * what other programs say to us) is proved once, on the oldest version.
 */
const FILES: Readonly<Record<string, string>> = {
  'access-log': 'fs: errors of writes and of opening, descriptors shared with threads',
  'admin-security': 'node:http as a server, Unix sockets, WebSocket handshakes',
  'client-tls': 'node:tls as a server on an accepted handle, tickets, OpenSSL underneath',
  'cluster-membership': 'the start of a cluster, node:tls between nodes, the native LevelDB',
  'config-command': 'fetch and Unix sockets of the CLI, its exit codes and standard streams',
  'demo': 'processes started by a process, and what ends them',
  'descriptors': 'handles of net that are not public, on a listener that runs out of descriptors',
  'http-proxying': 'the I/O engine: reading, writing, pausing, half-closing',
  'life': 'reload and drain: listening descriptors that threads share',
  'mutual-tls': 'node:tls: verdicts on certificates of clients, by a handle that is not public',
  'rebinding': 'options of sockets, IPv4 and IPv6 on one port',
  'reset-clients': 'addresses of connections that were reset before they were accepted',
  'rules': 'flags of V8, and the regular expressions of rules',
  'secure-checks': 'node:tls: versions, authorities, OpenSSL underneath',
  'server-tls': 'node:tls on the handle of a socket, and how libuv tells an end below it',
  'session-tickets': 'node:tls: the key of tickets, contexts that are chosen by it',
  'signals': 'signals before the first line of the program',
  'standstill': 'the order of timers and sockets in a round of the event loop',
  'tcp-proxying': 'the I/O engine: half-closing, resets, backpressure',
  'thread-faults': 'worker_threads: how a thread dies, stands still and is ended',
}

const names = Object.keys(FILES)
for (const name of names) {
  // Vitest takes a name that matches nothing without a word.
  const file = new URL(`test/e2e/${name}.test.ts`, import.meta.url)
  if (!existsSync(file)) throw new Error(`there is no ${file.pathname}`)
}

export default defineConfig({ test: { projects: endToEnd(names, 0) } })
