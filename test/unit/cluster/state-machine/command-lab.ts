import fc from 'fast-check'
import { ClusterStateMachine } from '../../../../src/cluster/state-machine/cluster-state-machine.ts'
import {
  encodeCommand,
  FORMAT,
  FORMAT_MIN,
} from '../../../../src/cluster/state-machine/command-encoding.ts'
import type { CommandOutcome } from '../../../../src/cluster/state-machine/command-outcomes.ts'
import {
  type ActivateConfig,
  type AgreedBackend,
  type Command,
  type ReportHealth,
  SERVER_SETTINGS,
} from '../../../../src/cluster/state-machine/commands.ts'
import type { HealthChange } from '../../../../src/cluster/state-machine/state.ts'

/** A state machine with what it has told. */
export interface Lab {
  readonly machine: ClusterStateMachine
  /** Verdicts that have changed, since the last look. */
  takeHealth(): readonly HealthChange[]
  apply(command: Command): CommandOutcome
}

export function openLab(): Lab {
  let health: HealthChange[] = []
  let index = 0
  const machine = new ClusterStateMachine((change) => health.push(...change.health))
  return {
    machine,
    takeHealth: () => {
      const taken = health
      health = []
      return taken
    },
    apply: (command) => machine.apply(++index, encodeCommand(command, machine.state.format)),
  }
}

export function backendOf(name: string, more: Partial<AgreedBackend> = {}): AgreedBackend {
  return { name, healthAgreement: 'majority', watchers: null, ...more }
}

/** An activation over the given version, of backend `app` with servers `app/a` and `app/b`. */
export function activation(
  expectedVersion: number,
  text: string,
  more: Partial<ActivateConfig> = {},
): ActivateConfig {
  return {
    kind: 'config-activate',
    expectedVersion,
    text,
    servers: ['app/a', 'app/b'],
    backends: [backendOf('app')],
    author: 'lb1',
    timeMs: 1_000,
    comment: '',
    cause: 'apply',
    confirmMs: null,
    ...more,
  }
}

export function reportOf(
  node: string,
  verdicts: Readonly<Record<string, boolean | null>>,
  run = 'run1',
): ReportHealth {
  return {
    kind: 'health-report',
    node,
    run,
    verdicts: Object.entries(verdicts).map(([key, isUp]) => ({ key, isUp, reason: `${node} saw` })),
  }
}

const name = fc.constantFrom('a', 'b', 'c')
const backend = fc.constantFrom('app', 'api')
const node = fc.constantFrom('lb1', 'lb2', 'lb3', 'lb4')
const weight = fc.integer({ min: 0, max: 256 })
const address = fc.constantFrom('10.0.0.1:80', 'host:81')
const server = fc.constantFrom('app/a', 'app/b', 'app/c', 'api/a', 'api/b', 'api/c')
const author = fc.constantFrom('', 'lb1, admin API as ci')
const untouched = fc.constant(undefined)
/** Is no longer set. */
const unset = fc.constant(null)

const setting = fc
  .record({
    state: fc.oneof(
      untouched,
      unset,
      fc.constantFrom('ready' as const, 'drain' as const, 'maint' as const),
    ),
    weight: fc.oneof(untouched, unset, weight),
    address: fc.oneof(untouched, unset, address),
  })
  .map((drawn) => ({
    ...(drawn.state && { state: drawn.state }),
    ...(typeof drawn.weight === 'number' && { weight: drawn.weight }),
    ...(drawn.address && { address: drawn.address }),
    unset: SERVER_SETTINGS.filter((name) => drawn[name] === null),
  }))

const agreedBackend = (of: string): fc.Arbitrary<AgreedBackend> =>
  fc.record({
    name: fc.constant(of),
    healthAgreement: fc.constantFrom('majority', 'any', 'all', 'local'),
    watchers: fc.constantFrom(null, null, 1, 2),
  })

/** Commands over few names, so that they meet. Versions are near those that can be active. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('config-activate' as const),
      expectedVersion: fc.integer({ min: 0, max: 6 }),
      text: fc.constantFrom('one', 'two', 'three # é\u{1f600}'),
      servers: fc.uniqueArray(server),
      backends: fc
        .tuple(agreedBackend('app'), agreedBackend('api'), fc.constantFrom(1, 2))
        .map(([app, api, count]) => [app, api].slice(0, count)),
      author: fc.string({ maxLength: 10 }),
      timeMs: fc.nat(10_000),
      comment: fc.string({ maxLength: 10, unit: 'binary' }),
      cause: fc.constantFrom('seed' as const, 'apply' as const, 'rollback' as const),
      confirmMs: fc.oneof(fc.constant(null), fc.integer({ min: 1_000, max: 5_000 })),
    }),
  },
  fc.record({
    kind: fc.constant('config-confirm' as const),
    version: fc.integer({ min: 0, max: 6 }),
  }),
  fc.record({
    kind: fc.constant('config-expire' as const),
    version: fc.integer({ min: 0, max: 6 }),
    timeMs: fc.oneof(fc.nat(15_000), fc.constant(15_000)),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('server-add' as const),
      backend,
      server: name,
      address,
      weight: fc.oneof(fc.constant(null), weight),
      author,
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.record({ backend, server: name, author }), setting)
      .map(([at, set]) => ({ kind: 'server-set' as const, ...at, ...set })),
  },
  fc.record({ kind: fc.constant('server-remove' as const), backend, server: name, author }),
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('health-report' as const),
      node,
      run: fc.constantFrom('run1', 'run1', 'run1', 'run2'),
      verdicts: fc.array(
        fc.record({
          key: server,
          isUp: fc.constantFrom(true, true, false, false, null),
          reason: fc.constantFrom('', 'refused', 'timeout'),
        }),
        { maxLength: 6 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('witnesses-set' as const),
      nodes: fc.uniqueArray(node),
    }),
  },
  fc.record({
    kind: fc.constant('format-raise' as const),
    format: fc.integer({ min: FORMAT_MIN + 1, max: FORMAT }),
  }),
)

/** So that most of what follows finds servers, backends and witnesses. */
const beginning: fc.Arbitrary<readonly Command[]> = fc
  .tuple(agreedBackend('app'), agreedBackend('api'), fc.boolean())
  .map(([app, api, isEmpty]) =>
    isEmpty
      ? []
      : [
          activation(0, 'zero', { servers: ['app/a', 'app/b', 'api/a'], backends: [app, api] }),
          { kind: 'witnesses-set', nodes: ['lb1', 'lb2', 'lb3'] },
        ],
  )

/**
 * Runs of commands whose activations mostly hit the version that is active, as those of a careful
 * writer do.
 */
export const anyHistory: fc.Arbitrary<readonly Command[]> = fc
  .tuple(beginning, fc.array(fc.tuple(anyCommand, fc.nat(3)), { maxLength: 80 }))
  .map(([first, drawn]) => {
    const { machine, apply } = openLab()
    for (const command of first) apply(command)
    const rest = drawn.map(([command, care]) => {
      const aimed = care > 0 ? aimedAt(command, machine.state.activeVersion) : command
      apply(aimed)
      return aimed
    })
    return [...first, ...rest]
  })

function aimedAt(command: Command, version: number): Command {
  if (command.kind === 'config-activate') return { ...command, expectedVersion: version }
  if (command.kind === 'config-confirm' || command.kind === 'config-expire') {
    return { ...command, version }
  }
  return command
}
