/** True for this machine by its loopback addresses; a name that somebody else resolves is not one. */
function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** Where a database URL leads; throws unless that is this machine. */
export function loopbackTarget(url: string, name: string): { host: string; port: number } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Error(`${name} is not a URL with a host; drills need one of this machine, such as postgresql://user@127.0.0.1:5432/name.`);
  }
  const host = parsed.searchParams.get('host') ?? parsed.hostname;
  if (!isLoopback(host) || parsed.searchParams.has('port') || parsed.searchParams.has('hostaddr'))
    throw new Error(
      `${name} leads to "${host}". Drills stop and overload what they reach, so they run only against 127.0.0.1, ::1 or localhost.`,
    );
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(parsed.port || 5432) };
}

/** The same URL by way of another port of this machine. */
export function rerouted(url: string, port: number): string {
  const parsed = new URL(url);
  parsed.hostname = '127.0.0.1';
  parsed.port = String(port);
  parsed.searchParams.delete('host');
  return parsed.href;
}
