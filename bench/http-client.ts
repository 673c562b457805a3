import { connect, type Socket } from 'node:net';

/**
 * As little HTTP client as a benchmark needs: one keep-alive connection per caller, one request at a time, answers with
 * Content-Length. A full client costs more than the server that it measures.
 */
export class BenchConnection {
  private readonly socket: Socket;
  /** The headers of every request. */
  private readonly head: string;
  private waiting: { resolve: (answer: { status: number; body: string }) => void; reject: (error: Error) => void } | null = null;
  private received = '';

  private constructor(socket: Socket, head: string) {
    this.socket = socket;
    this.head = head;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.take(chunk));
    socket.on('close', () => this.waiting?.reject(new Error('The server closed the connection.')));
  }

  static async open(port: number, headers: Record<string, string> = {}): Promise<BenchConnection> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new BenchConnection(socket, linesOf({ host: `127.0.0.1:${port}`, ...headers }));
  }

  /** False once the server closed it, for example because it was idle for long. */
  get isOpen(): boolean {
    return !this.socket.destroyed && this.socket.readyState === 'open';
  }

  get(path: string): Promise<{ status: number; body: string }> {
    return this.send(`GET ${path} HTTP/1.1\r\n${this.head}\r\n`);
  }

  post(path: string, body: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
    const head = `POST ${path} HTTP/1.1\r\n${this.head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${linesOf(headers)}\r\n`;
    return this.send(head + body);
  }

  private send(request: string): Promise<{ status: number; body: string }> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private take(chunk: string): void {
    this.received += chunk;
    const end = this.received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.received.slice(0, end))?.[1] ?? 0);
    // Answers of the API are ASCII but for names, and bookings have none: characters are bytes.
    if (this.received.length < end + 4 + length) return;
    const body = this.received.slice(end + 4, end + 4 + length);
    const status = Number(this.received.slice(9, 12));
    this.received = this.received.slice(end + 4 + length);
    const { waiting } = this;
    this.waiting = null;
    waiting?.resolve({ status, body });
  }
}

function linesOf(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}
