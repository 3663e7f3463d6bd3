import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import * as bounds from '../../../../src/cluster/state-machine/bounds.ts'
import { FORMAT, FORMAT_MIN } from '../../../../src/cluster/state-machine/command-encoding.ts'
import { watchersOf } from '../../../../src/cluster/state-machine/watchers.ts'
import { WEIGHT_MAX } from '../../../../src/model/admin-state.ts'
import { COMMENT_LENGTH_MAX, CONFIRM_MIN_MS } from '../../../../src/model/change-limits.ts'

// Nodes of two versions must come to one state. A failure here means that nodes of this version and
// of those before would part: what has changed is of a higher format, and the old has to stay.

it('has the bounds of its formats', () => {
  expect([FORMAT_MIN, FORMAT]).toEqual([1, 2])
  expect({ ...bounds, WEIGHT_MAX, COMMENT_LENGTH_MAX, CONFIRM_MIN_MS }).toEqual({
    TEXT_BYTES_MAX: 1_048_576,
    VERSIONS_MAX: 50,
    VERSIONS_BYTES_MAX: 8_388_608,
    POOL_ENTRIES_MAX: 10_000,
    CONFIRM_MAX_MS: 86_400_000,
    AUTHOR_LENGTH_MAX: 200,
    ADDRESS_LENGTH_MAX: 300,
    REASON_LENGTH_MAX: 200,
    NODE_NAME_LENGTH_MAX: 255,
    RUN_LENGTH_MAX: 64,
    WITNESSES_MAX: 64,
    REPORT_VERDICTS_MAX: 500,
    NAMES_MAX: 32_768,
    COMMAND_BYTES_MAX: 4_194_304,
    WEIGHT_MAX: 256,
    COMMENT_LENGTH_MAX: 1000,
    CONFIRM_MIN_MS: 1000,
  })
})

it('has the watchers of its formats', () => {
  const nodes = ['lb1', 'lb2', 'lb3', 'lb4', 'lb5']
  expect(watchersOf('app/app1', nodes, 2)).toEqual(['lb2', 'lb4'])
  const all = Array.from({ length: 1000 }, (_, n) => watchersOf(`app/s${n}`, nodes, 2).join())
  expect(createHash('sha256').update(all.join(' ')).digest('hex')).toBe(
    '081f451465861efbb29471d7f69e7f4925aaec21d9a291b9c6ea9dea99c1852b',
  )
})
