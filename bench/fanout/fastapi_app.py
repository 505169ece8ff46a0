"""FastAPI as its documentation shows it: a list of sockets for each topic, and
an HTTP request that sends to each of them."""

from collections import defaultdict

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect

app = FastAPI()
topics: dict[str, list[WebSocket]] = defaultdict(list)


@app.websocket("/watch/{topic}")
async def watch(socket: WebSocket, topic: str):
    await socket.accept()
    topics[topic].append(socket)
    await socket.send_text("watching")
    try:
        while True:
            await socket.receive_text()
    except WebSocketDisconnect:
        topics[topic].remove(socket)


@app.post("/pub/{topic}")
async def publish(topic: str, request: Request):
    text = (await request.body()).decode()
    for socket in topics[topic]:
        await socket.send_text(text)
    return Response()
