import type { Conn } from '../../net/conn.ts'
import type { Lender } from './lender.ts'

/** In `mode tcp` a session has its server's connection as it is. It must set the handler at once. */
export const TCP_SERVERS: Lender<Conn> = { streams: null, lend: (conn) => conn }
