import { Agent, createServer } from 'node:http'
import httpProxy from 'http-proxy'

/**
 * The baseline: the npm package http-proxy. Arguments: PORT ORIGIN [keep-alive]. Without the last
 * it opens a server connection for every request, which is what its manual's examples do.
 */
const [port, origin, reuse] = process.argv.slice(2)
const agent = reuse === 'keep-alive' && new Agent({ keepAlive: true, maxSockets: 256 })
const proxy = httpProxy.createProxyServer({ target: `http://${origin}`, agent, xfwd: true })
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response && !response.headersSent) response.writeHead(502)
  response.end()
})
createServer((request, response) => proxy.web(request, response)).listen(Number(port), '127.0.0.1')
