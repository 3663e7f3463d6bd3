/**
 * ACLs that exist without being defined; a definition of the same name goes first. HAProxy
 * configuration manual, section 7.4, but for those of RDP and of content inspection.
 */
export const PREDEFINED_ACLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['FALSE', ['always_false']],
  ['HTTP', ['always_true']],
  ['HTTP_1.0', ['req.ver 1.0']],
  ['HTTP_1.1', ['req.ver 1.1']],
  ['HTTP_2.0', ['req.ver 2.0']],
  ['HTTP_CONTENT', ['req.hdr_val(content-length) gt 0']],
  ['HTTP_URL_ABS', ['url_reg ^[^/:]*://']],
  ['HTTP_URL_SLASH', ['url_beg /']],
  ['HTTP_URL_STAR', ['url *']],
  ['LOCALHOST', ['src 127.0.0.0/8 ::1']],
  ['METH_CONNECT', ['method CONNECT']],
  ['METH_DELETE', ['method DELETE']],
  ['METH_GET', ['method GET HEAD']],
  ['METH_HEAD', ['method HEAD']],
  ['METH_OPTIONS', ['method OPTIONS']],
  ['METH_POST', ['method POST']],
  ['METH_PUT', ['method PUT']],
  ['METH_TRACE', ['method TRACE']],
  ['TRUE', ['always_true']],
])
