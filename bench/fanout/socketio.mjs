// Socket.IO as its documentation shows it: a room for each topic, and an HTTP
// request that emits to one.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((request, response) => {
  if (request.method !== "POST") return;
  const topic = request.url.slice("/pub/".length);
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    io.to(topic).emit("update", JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(200, { "Content-Length": 0 }).end();
  });
});
// No heartbeat falls into a measurement.
const io = new Server(http, { pingInterval: 600_000, transports: ["websocket"] });
io.on("connection", (socket) => {
  socket.on("watch", (topic) => {
    socket.join(topic);
    socket.emit("watching");
  });
});
http.keepAliveTimeout = 600_000;
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`ready ${http.address().port}`));
