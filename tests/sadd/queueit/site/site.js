"use strict";
// A site that runs Queue-it's connector as its guide has it: the configuration is read once at the start, each
// request is asked about, and a token is taken out of the address once it was accepted. Settings come by
// standard input as JSON: {config, customer, secret}; the port goes to standard output.
const crypto = require("node:crypto");
const http = require("node:http");
const { KnownUser } = require("@queue-it/connector-javascript");

function contextOf(request, response, cookies) {
  const sent = Object.fromEntries(
    (request.headers.cookie || "").split("; ").map((one) => [one.split("=")[0], one.slice(one.indexOf("=") + 1)]),
  );
  return {
    getCryptoProvider: () => ({
      getSha256Hash: (secret, text) => crypto.createHmac("sha256", secret).update(text).digest("hex"),
    }),
    getEnqueueTokenProvider: () => null,
    getHttpRequest: () => ({
      getUserAgent: () => request.headers["user-agent"] || "",
      getHeader: (name) => request.headers[name.toLowerCase()] || "",
      getAbsoluteUri: () => `https://${request.headers.host}${request.url}`,
      getUserHostAddress: () => request.headers["x-visitor"] || request.socket.remoteAddress,
      getCookieValue: (name) => sent[name] && decodeURIComponent(sent[name]),
      getRequestBodyAsString: () => "",
    }),
    getHttpResponse: () => ({
      setCookie: (name, value, domain, expiration, httpOnly, secure) => {
        const ends = new Date(expiration * 1000).toUTCString();
        const more = (httpOnly ? "; HttpOnly" : "") + (secure ? "; Secure" : "");
        cookies.push(`${name}=${encodeURIComponent(value)}; Path=/; Expires=${ends}${more}`);
      },
    }),
  };
}

async function serve(settings, request, response) {
  const address = new URL(`https://${request.headers.host}${request.url}`);
  const token = address.searchParams.get("queueittoken") || "";
  const pure = address.href.replace(/([?&])queueittoken=[^&]*&?/i, "$1").replace(/[?&]$/, "");
  const cookies = [];
  const result = await KnownUser.validateRequestByIntegrationConfig(
    pure, token, settings.config, settings.customer, settings.secret, contextOf(request, response, cookies),
  );
  response.setHeader("Set-Cookie", cookies);
  response.setHeader("Cache-Control", "no-store");
  if (result.doRedirect()) {
    response.writeHead(302, { Location: result.redirectUrl }).end();
  } else if (token && result.actionType === "Queue") {
    response.writeHead(302, { Location: pure }).end();
  } else {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="en"><title>The service</title><h1>The service</h1><p>${result.actionType}`);
  }
}

let told = "";
process.stdin.on("data", (more) => (told += more));
process.stdin.on("end", () => {
  const settings = JSON.parse(told);
  const server = http.createServer((request, response) => {
    serve(settings, request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
});
