// node:http, ioredis and rate-limiter-flexible, as their own pages show it: node flexible.mjs PORT STORE_PORT
import http from 'node:http';
import Redis from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';

const [port, storePort] = process.argv.slice(2).map(Number);
const storeClient = new Redis({ port: storePort, host: '127.0.0.1' });
const limiter = new RateLimiterRedis({ storeClient, keyPrefix: 'flexible', points: 600000, duration: 60 });

const answer = (response, allowed, told) => {
  const body = JSON.stringify({
    allowed, remaining: told.remainingPoints, reset_after_ms: told.msBeforeNext,
  });
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
};

http.createServer((request, response) => {
  let text = '';
  request.on('data', (part) => { text += part; });
  request.on('end', () => {
    const asked = JSON.parse(text);
    limiter.consume(asked.key, asked.cost).then(
      (told) => answer(response, true, told),
      (told) => (told instanceof Error ? response.destroy(told) : answer(response, false, told)),
    );
  });
}).listen(port, '127.0.0.1');
