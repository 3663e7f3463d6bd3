import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './ports.ts'
import { startProcess } from './processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { untilListening } from './waiting.ts'

/** An nginx of one process. It is killed when the test is over. */
export interface Nginx {
  readonly port: number
  /** `127.0.0.1:PORT`, for the config. */
  readonly address: string
}

/**
 * Starts nginx with one `server` that listens on a free port.
 *
 * @param directives the rest of its `server` block
 * @param files put into its document root, by name
 * @param givenPort default: a free one
 * @param listen what `listen` has beside the address, such as `ssl`
 */
export async function startNginx(
  directives: string,
  files: Readonly<Record<string, string>> = {},
  givenPort?: number,
  listen = '',
): Promise<Nginx> {
  const folder = temporaryFolder()
  const port = givenPort ?? (await freePort())
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const config = `
    daemon off;
    master_process off;
    pid ${folder}/nginx.pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      server {
        listen 127.0.0.1:${port} ${listen};
        root ${folder};
        ${directives}
      }
    }
  `
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, config)
  startProcess('nginx', ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilListening(port)
  return { port, address: `127.0.0.1:${port}` }
}
