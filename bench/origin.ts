import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startPinned, untilAnswers } from './children.ts'
import { freePorts } from './host.ts'

const KIB = 1024

/** The server behind every proxy: nginx with one worker. */
export interface Origin {
  readonly child: Child
  readonly port: number
}

/**
 * Starts the origin. It answers `/small` (100 bytes), `/16k`, `/1m`, and `/upload`, which reads
 * the whole body before it answers.
 *
 * @param folder holds its files; owned by the caller
 */
export async function startOrigin(folder: string, core: number): Promise<Origin> {
  const [port = 0, sinkPort = 0] = await freePorts(2)
  // nginx's worker is another user when root starts it, and must be able to read the files.
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, '16k'), Buffer.alloc(16 * KIB, 'x'))
  writeFileSync(join(folder, '1m'), Buffer.alloc(1024 * KIB, 'x'))
  const file = join(folder, 'origin.conf')
  writeFileSync(file, originConfig(folder, port, sinkPort))
  const child = startPinned('origin', [core], 'nginx', ['-p', folder, '-c', file])
  await untilAnswers(child, `http://127.0.0.1:${port}/small`)
  return { child, port }
}

/** The lines that let nginx run from a folder of its own, as any user, in the foreground. */
export function nginxPreamble(folder: string, name: string): string {
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/${name}.pid;
error_log stderr crit;
events { worker_connections 16384; }
`
}

/** The paths that nginx would otherwise keep under /var, which only root may write. */
export function nginxTempPaths(folder: string, name: string): string {
  return ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join('\n  ')
}

function originConfig(folder: string, port: number, sinkPort: number): string {
  return `${nginxPreamble(folder, 'origin')}
http {
  ${nginxTempPaths(folder, 'origin')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  open_file_cache max=16;
  open_file_cache_valid 1h;
  client_max_body_size 0;
  client_body_buffer_size 2m;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder};
    location = /small { return 200 "${'x'.repeat(100)}"; }
    location = /upload {
      # Buffers the body, then asks for the answer without it: wrk stalls on an early answer.
      proxy_pass http://127.0.0.1:${sinkPort};
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }
  server {
    listen 127.0.0.1:${sinkPort};
    location / { return 200 "received"; }
  }
}
`
}
