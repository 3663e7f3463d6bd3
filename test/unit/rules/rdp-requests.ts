/** A Connection Request of X.224 in TPKT, as clients of RDP begin (MS-RDPBCGR section 4.1.1). */
export function rdpRequest(
  cookie: string,
  negotiation = '\x01\x00\x08\x00\x03\x00\x00\x00',
): string {
  const variable = cookie + negotiation
  const unit = Buffer.from([6 + variable.length, 0xe0, 0, 0, 0, 0, 0])
  const head = Buffer.from([3, 0, 0, 4 + unit.length + variable.length])
  return Buffer.concat([head, unit, Buffer.from(variable, 'latin1')]).toString('latin1')
}
