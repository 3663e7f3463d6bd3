import { expect, it } from 'vitest'
import { localAnswer } from '../../../../src/http/answers/local-answer.ts'
import { ServerTable } from '../../../../src/memory/server-table.ts'
import { Places } from '../../../../src/worker/accept/place.ts'
import { H2Client } from '../../../../src/worker/clients/h2/h2-client.ts'
import { compileRuntime } from '../../../../src/worker/compilation.ts'
import type { FrontendRuntime } from '../../../../src/worker/exchange/runtime.ts'
import type { RequestOwner } from '../../../../src/worker/streams/client-stream.ts'
import { Frames } from '../../http/h2/plain-frames.ts'
import { RecordedConnection } from '../../http/h2/recorded-connection.ts'
import { FakeConn, FakeEngine } from '../fake-network.ts'
import { planOf, servicesOf, TUNE } from '../session-lab.ts'

/** More than the output of a connection holds at once. */
const BODY_BYTES = 1_000_000

const HEAD = { ':method': 'GET', ':scheme': 'http', ':authority': 'a', ':path': '/' }

it('a body goes on when its client takes bytes again, and nothing else is to be sent', () => {
  const services = servicesOf(TUNE, ServerTable.create(1), new FakeEngine())
  const runtime = compileRuntime(planOf({}), services, null)
  const door = { frontend: runtime.frontends.get('web') as FrontendRuntime, closed: false }
  const conn = new FakeConn()
  new H2Client(conn, new Places(services, () => {}).take(door), services, (stream) => {
    const run = (): void => {
      stream.answer(localAnswer(200, '', 'x'.repeat(BODY_BYTES)), 200, false)
      stream.finish()
    }
    return { begin: () => {}, run, dispose: () => {} } as unknown as RequestOwner
  })
  const client = new RecordedConnection(false, { initialWindowSize: 2 * BODY_BYTES })
  const response = client.open()
  client.head(response.stream, HEAD, true)
  conn.takesMore = false
  conn.receive(client.sent().toString('latin1'))
  conn.receive(Frames.windowUpdate(0, 2 * BODY_BYTES).toString('latin1'))
  for (let before = -1; conn.written.length > before; ) {
    before = conn.written.length
    conn.handler.onDrain(conn)
  }
  client.receive(Buffer.from(conn.written, 'latin1'))
  expect(response).toMatchObject({ bodyBytes: BODY_BYTES, ending: 'end' })
})
