import type { Report } from '../diagnostics/diagnostics.ts'
import type { Cursor } from '../text/tree.ts'
import { DEFAULT_OUTLIER_DETECTION } from '../values/default-values.ts'
import { formatDuration, parseDuration } from '../values/durations.ts'
import { effectiveMode } from './proxy-views.ts'

/** Reports settings of `observe` and `outlier-detection` that do not go together. */
export function validateObservation(tree: Cursor, report: Report): void {
  const defaults = tree.at('defaults')
  const backends = tree.at('backends').values()
  for (const proxy of [defaults, ...backends]) {
    validateEjectionTimes(proxy.at('outlier-detection'), report)
  }
  for (const backend of backends) {
    if (effectiveMode(backend, defaults) !== 'tcp') continue
    const places = [backend.at('default-server'), ...backend.at('servers').values()]
    for (const place of places) validateLayer(place.at('observe'), report)
  }
}

/** HAProxy configuration manual, observe: layer 7 is for HTTP proxies. */
function validateLayer(observe: Cursor, report: Report): void {
  if (observe.value !== 'layer7') return
  report.error(observe.span, observe.path, {
    message: 'there are no responses to observe: the mode is tcp',
    hint: 'Write observe: layer4, or mode: http.',
  })
}

function validateEjectionTimes(detection: Cursor, report: Report): void {
  const [base, max] = [detection.at('base-ejection-time'), detection.at('max-ejection-time')]
  const maxMs = millisecondsOf(max)
  const baseMs =
    base.node === null ? DEFAULT_OUTLIER_DETECTION.baseEjectionMs : millisecondsOf(base)
  if (maxMs === null || baseMs === null || maxMs >= baseMs) return
  report.error(max.span, max.path, {
    code: 'out-of-range',
    message: `this is less than base-ejection-time, which is ${formatDuration(baseMs)}`,
    hint: '',
  })
}

function millisecondsOf(at: Cursor): number | null {
  const duration = parseDuration(String(at.value))
  return 'value' in duration ? duration.value : null
}
