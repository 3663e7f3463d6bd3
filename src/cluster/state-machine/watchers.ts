import { avalanche, serverId } from '../../balance/structures/hashing.ts'

/**
 * The nodes that watch a server, by rendezvous hashing (Thaler and Ravishankar, "Using name-based
 * mappings to increase hit rates"): those with the highest scores. When a node leaves, only the
 * servers that it watched get another watcher; when one comes, it takes over its share and no other
 * server is moved.
 *
 * @param witnesses sorted
 * @param count null: all
 * @returns sorted
 */
export function watchersOf(
  key: string,
  witnesses: readonly string[],
  count: number | null,
): readonly string[] {
  if (count === null || count >= witnesses.length) return witnesses
  return witnesses
    .map((node, n) => ({ node, n, score: scoreOf(node, key) }))
    .sort((a, b) => b.score - a.score || a.n - b.n)
    .slice(0, count)
    .sort((a, b) => a.n - b.n)
    .map(({ node }) => node)
}

function scoreOf(node: string, key: string): number {
  return avalanche(serverId(`${node}\n${key}`))
}
