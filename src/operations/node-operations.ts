import { SluiceError } from '../base/errors.ts'
import { METRIC_PREFIXES } from '../telemetry/exposition.ts'
import type { NodeInfo, Readiness } from './contract/node.ts'
import type { OperatedNode } from './operated-node.ts'

/** What the daemon is. */
export function showNode({ source }: OperatedNode): NodeInfo {
  return source.info()
}

/**
 * Whether clients are served, and changes can be agreed on.
 *
 * @param isTrafficAlone only the first: a node without a quorum serves on with its last config
 */
export function showReadiness({ source }: OperatedNode, isTrafficAlone: boolean): Readiness {
  return source.ready(isTrafficAlone)
}

/**
 * The metrics as Prometheus text, in pieces.
 *
 * @param prefix of their names: `sluice`, or `haproxy` for dashboards that are there already
 * @throws SluiceError `request-invalid`
 */
export async function showMetrics(
  { source }: OperatedNode,
  prefix: string,
): Promise<readonly string[]> {
  const known = METRIC_PREFIXES.find((name) => name === prefix)
  if (known !== undefined) return source.metrics(known)
  throw new SluiceError('request-invalid', `prefix is one of ${METRIC_PREFIXES.join(', ')}`)
}

/** The statistics as HAProxy's CSV, in pieces. */
export function showStatistics({ source }: OperatedNode): Promise<readonly string[]> {
  return source.statistics()
}
