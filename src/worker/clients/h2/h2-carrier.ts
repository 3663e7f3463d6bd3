import type { H2Connection } from '../../../http/h2/h2-connection.ts'
import type { H2Stream } from '../../../http/h2/h2-stream.ts'
import type { HeaderField } from '../../../http/h2/hpack/header-field.ts'
import type { FieldBlock } from '../../../http/h2/messages/field-block.ts'
import type { RequestReader } from '../../../http/h2/messages/request-reader.ts'
import type { Conn } from '../../../net/conn.ts'
import type { ClientStream } from '../../streams/client-stream.ts'
import type { Door } from '../client-services.ts'

/** What a stream asks of the connection that it shares with others. */
export interface H2Carrier {
  readonly client: Conn
  readonly door: Door
  readonly h2: H2Connection
  readonly reader: RequestReader
  /** Adds a field to the header block that is being read, which is that of this stream. */
  takeField(stream: H2Stream, field: HeaderField): void
  /** The block that was read, and is now taken. */
  takeBlock(): FieldBlock
  /** Has what is in the output sent, unless more is about to come. */
  flush(): void
  /** The stream that this has served is over. */
  streamOver(stream: ClientStream): void
  /** Takes no further streams of its client. */
  leave(): void
}
