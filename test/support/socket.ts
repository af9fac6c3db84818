import { connect } from 'node:net'

/** Sends raw text or bytes, and gives what came back until the server closed. */
export function talk(port: number, text: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (data) => (got += data.toString()))
    socket.on('close', () => resolve(got))
    socket.on('error', () => resolve(got))
  })
}
