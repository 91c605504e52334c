// What Foxglove's own client library (FoxgloveClient of @foxglove/ws-protocol) gets from glint serve, as JSON lines:
//     node foxglove_client.mjs CLIENT_MODULE ADDRESS SECONDS > messages.jsonl
// Each line: topic, type, definition (with the first message of a topic), stamp, bytes as base64. check_foxglove.py
// compares them with the results of the same input.
const [, , module, address, seconds] = process.argv;
const FoxgloveClient = (await import(module)).default;
const client = new FoxgloveClient({ ws: new WebSocket(address.replace("http", "ws"), [FoxgloveClient.SUPPORTED_SUBPROTOCOL]) });
const channels = new Map(), told = new Set();
const fail = (text) => { console.error("FAILED:", text); process.exit(1); };

client.on("error", (e) => fail(e.message ?? e));
client.on("status", (s) => fail(`status: ${s.message}`));
client.on("serverInfo", (info) => { if (info.name !== "glint" || !info.sessionId) fail(JSON.stringify(info)); });
client.on("advertise", (list) => {
  for (const c of list) {
    if (c.encoding !== "cdr" || c.schemaEncoding !== "ros2msg") fail(`${c.topic}: ${c.encoding} ${c.schemaEncoding}`);
    channels.set(client.subscribe(c.id), c);
  }
});
client.on("message", ({ subscriptionId, timestamp, data }) => {
  const c = channels.get(subscriptionId), line = { topic: c.topic, type: c.schemaName, stamp: `${timestamp}` };
  if (!told.has(c.topic)) line.definition = c.schema;
  told.add(c.topic);
  line.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  process.stdout.write(JSON.stringify(line) + "\n");
});
setTimeout(() => {
  for (const id of channels.keys()) client.unsubscribe(id);
  client.close();
  process.exitCode = 0;
}, 1000 * Number(seconds));
