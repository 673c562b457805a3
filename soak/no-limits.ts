// Loaded before the service by the control of the slow run: takes away every limit that a server puts on slow clients.
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';

const { createServer } = http;
http.createServer = ((options: http.ServerOptions, listener: http.RequestListener) => {
  const server = createServer({ ...options, headersTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: 2 ** 30 }, listener);
  server.setTimeout = () => server;
  return server;
}) as typeof http.createServer;
syncBuiltinESMExports();
