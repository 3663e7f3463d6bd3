import type { TextProbeConfig } from '../../model/probe-protocol.ts'
import type { Dialogue } from './dialogue.ts'
import type { Expectations } from './expectation-match.ts'
import { HttpDialogue } from './http-dialogue.ts'
import { MysqlDialogue } from './mysql-dialogue.ts'
import { PostgresqlDialogue } from './postgresql-dialogue.ts'
import { StepDialogue } from './step-dialogue.ts'

/** Begins the conversation of one check. */
export function createDialogue(protocol: TextProbeConfig, expectations: Expectations): Dialogue {
  switch (protocol.kind) {
    case 'http':
      return new HttpDialogue(protocol, expectations)
    case 'steps':
      return new StepDialogue(protocol, expectations)
    case 'mysql':
      return new MysqlDialogue(protocol)
    case 'postgresql':
      return new PostgresqlDialogue(protocol)
  }
}
