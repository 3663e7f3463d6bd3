import * as z from 'zod'
import { DEFAULT_PROXY } from '../values/default-values.ts'
import { probeOptions } from './probe-keys.ts'
import { key, oneOrMany, section } from './sections.ts'
import { network, token } from './value-schemas.ts'

const forwardfor = key(
  z.union([
    z.boolean(),
    section('forwardfor', {
      'header': key(token, {
        about: 'Name of the header',
        standard: DEFAULT_PROXY.forwardforHeader,
      }),
      'if-none': key(z.boolean(), {
        about: 'Add it only where the client has sent none',
        standard: false,
      }),
      'except': key(oneOrMany(network), {
        about: 'Clients in these networks get no header',
        otherwise: 'none',
      }),
    }),
  ]),
  {
    about: 'Tell servers the address of the client in a header; `mode http`',
    standard: false,
    source: 'option forwardfor',
  },
)

const parameter = (about: string) => key(z.boolean(), { about, standard: false })

const forwarded = key(
  z.union([
    z.boolean(),
    section('forwarded', {
      'proto': parameter('The protocol that the client speaks'),
      'host': parameter('The host that the client asked for'),
      'by': parameter('The address that the client connected to'),
      'by-port': parameter('Its port; with `by`'),
      'for': parameter('The address of the client'),
      'for-port': parameter('Its port; with `for`'),
    }),
  ]),
  {
    about:
      'Tell servers of the client in the header of RFC 7239, `true` meaning `proto` and `for`; `mode http`',
    standard: false,
    source: 'option forwarded',
  },
)

/** Names of `option` on the side of clients. */
export const clientOptions = {
  forwardfor,
  forwarded,
  'accept-connect': key(z.boolean(), {
    about: 'Pass on CONNECT, which asks for a tunnel, instead of answering 405; `mode http`',
    standard: false,
  }),
  'dontlognull': key(z.boolean(), {
    about: 'No line in the access log for a connection on which nothing was sent',
    standard: false,
    source: 'option dontlognull',
  }),
  'http-ignore-probes': key(z.boolean(), {
    about: 'No answer and no line for it either, as browsers open connections ahead; `mode http`',
    standard: false,
    source: 'option http-ignore-probes',
  }),
}

/** Names of `option` on the side of servers. */
export const serverOptions = {
  forwardfor,
  forwarded,
  ...probeOptions,
  'accept-invalid-http-response': key(z.boolean(), {
    about:
      'Accept responses whose lines end with LF alone, or that repeat the same Content-Length; also in checks',
    standard: false,
    source: 'option accept-invalid-http-response',
  }),
  allbackups: key(z.boolean(), {
    about: 'All backup servers take over together, instead of the first that is up',
    standard: false,
    source: 'option allbackups',
  }),
  persist: key(z.boolean(), {
    about: 'A cookie or an entry of a stick table leads to its server even if that is down',
    standard: false,
    source: 'option persist',
  }),
  redispatch: key(z.boolean(), {
    about: 'A retry may go to another server',
    standard: false,
    source: 'option redispatch',
  }),
}
