// An HTTP server in a process of its own, so that a test can kill it under load.
// Arguments: NAME PORT DELAY_MS. Answers every request with its name.
import { createServer } from 'node:http'

const [name, port, delayMs] = process.argv.slice(2)

const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
  request.resume()
  setTimeout(() => {
    response.writeHead(200, { 'X-Server': name, 'Content-Length': name.length })
    response.end(name)
  }, Number(delayMs))
})
server.listen(Number(port), '127.0.0.1', 4096, () => process.send('listening'))
