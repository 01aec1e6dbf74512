// A WebSocket of the npm package `ws` behind a pipe. Lines in: a command and its argument; lines out:
// an event and its argument; bytes are in hexadecimal.
'use strict';
const readline = require('readline');
const WebSocket = require('ws');

const [url, protocol] = process.argv.slice(2);
// It offers permessage-deflate, as `ws` does unless it is told otherwise.
const socket = new WebSocket(url, protocol);
const say = (event, argument) => process.stdout.write(`${event} ${argument}\n`);
const hex = (data) => Buffer.from(data).toString('hex');

socket.on('open', () => say('open', JSON.stringify([socket.protocol, socket.extensions])));
socket.on('message', (data, isBinary) => say(isBinary ? 'message' : 'text', hex(data)));
socket.on('ping', (data) => say('ping', hex(data)));
socket.on('pong', (data) => say('pong', hex(data)));
socket.on('unexpected-response', (request, response) => {
  say('status', response.statusCode);
  process.exit(0);
});
socket.on('error', (error) => say('error', error.message));
socket.on('close', (code, reason) => {
  say('close', `${code} ${hex(reason)}`);
  process.exit(0);
});

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const [command, argument] = line.split(' ');
  const data = Buffer.from(argument, 'hex');
  if (command === 'send') {
    socket.send(data);
  } else if (command === 'fragments') {
    const half = data.length >> 1;
    socket.send(data.subarray(0, half), {binary: true, fin: false});
    socket.ping('between');
    socket.send(data.subarray(half), {binary: true, fin: true});
  } else if (command === 'ping') {
    socket.ping(data);
  } else if (command === 'close') {
    socket.close(Number(argument));
  }
});
