import { type Address, formatAddress } from '../base/address.ts'
import { SluiceError } from '../base/errors.ts'

/** What the system has against an address: as node:net has it, or made of an errno. */
export type SystemRefusal = Pick<NodeJS.ErrnoException, 'code' | 'message' | 'syscall'>

/** Why an address cannot be listened on, in a coded error; one that is coded already stays. */
export function bindFailure(error: SystemRefusal, address: Address): SluiceError {
  if (error instanceof SluiceError) return error
  const name = formatAddress(address)
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return new SluiceError('address-in-use', `${name} is in use`, error)
    case 'EADDRNOTAVAIL':
      return new SluiceError('bind-failed', `${name}: this host has no such address`, error)
    case 'EACCES':
      return new SluiceError('bind-failed', `${name}: ${permissionNeeded(address)}`, error)
    case 'EMFILE':
    case 'ENFILE':
      return new SluiceError('descriptors-exhausted', `${name}: ${error.message}`, error)
    default: {
      const code = error.syscall === 'getaddrinfo' ? 'host-unresolved' : 'bind-failed'
      return new SluiceError(code, `${name}: ${error.message}`, error)
    }
  }
}

function permissionNeeded(address: Address): string {
  return address.kind === 'unix'
    ? 'this user may not write to the folder'
    : 'ports below 1024 take root or the capability CAP_NET_BIND_SERVICE'
}
