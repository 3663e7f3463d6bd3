import { describe } from 'vitest'
import { createNodeEngine } from '../../src/net/engines/node/node-engine.ts'
import type { EngineUnderTest } from './conn-lab.ts'
import { describeConn } from './conn-suite.ts'

/** Every engine passes the one suite: a new engine adds a row. */
const engines: readonly EngineUnderTest[] = [
  {
    name: 'node',
    create: () => createNodeEngine({ onAcceptFailure: () => {} }),
    module: 'net/engines/node/node-engine.ts',
    factory: 'createNodeEngine',
  },
]

describe.each(engines)('Conn of engine $name', (engine) => describeConn(engine))
