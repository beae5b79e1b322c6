'use strict'
// The emulator's control API, and a handler that its relay posts to.

const { createServer } = require('node:http')

const PATIENCE = 30_000 // ms for what takes none

async function request(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(PATIENCE) })
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

/** A new portal of the emulator's own. */
async function portal(control, name) {
  await request('POST', `${control}/control/portals`, { name })
  const url = `${control}/control/portals/${name}`
  return {
    get: (path) => request('GET', `${url}/${path}`),
    post: (path, body) => request('POST', `${url}/${path}`, body),
    refreshes: async () => (await request('GET', `${control}/control/oauth`)).refreshes,
  }
}

/** Takes posts: `next()` is the form of the next one. */
async function handler() {
  const posts = []
  const waiting = []
  const server = createServer(async (incoming, answer) => {
    let body = ''
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk
    answer.end()
    const form = new URLSearchParams(body)
    waiting.length > 0 ? waiting.shift()(form) : posts.push(form)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  server.unref()
  const next = () =>
    new Promise((resolve, reject) => {
      if (posts.length > 0) return resolve(posts.shift())
      const late = setTimeout(() => reject(new Error('no post came')), PATIENCE)
      waiting.push((form) => {
        clearTimeout(late)
        resolve(form)
      })
    })
  return { url: `http://127.0.0.1:${server.address().port}/`, next }
}

module.exports = { portal, handler }
