'use strict'
// What an app does with b24jssdk, against the emulator: `calls.js CONTROL_URL`. Ends at the first that does not work, with 1.

const assert = require('node:assert/strict')
const { B24OAuth } = require('@bitrix24/b24jssdk')
const { version } = require('@bitrix24/b24jssdk/package.json')
const emulator = require('./emulator.js')

const TEXT = 'Тестовый текст & [a]=%41+\r\n'
const MANY = 60 // more than a page of a list, and than one batch
const app = { clientId: 'local.b24jssdk.1', clientSecret: 'secret-of-b24jssdk' }

let passed = 0

async function seen(what, work) {
  try {
    await work()
  } catch (error) {
    console.log(`FAILED: b24jssdk: ${what}: ${error.name}: ${error.message}`)
    end(1)
  }
  passed += 1
  console.log(`passed: b24jssdk: ${what}`)
}

function end(failed) {
  console.log(`b24jssdk ${version}: ${passed} passed, ${failed} failed`)
  process.exit(failed)
}

/** The SDK's client from the `auth` of a post. */
function client(form) {
  const auth = (key) => form.get(`auth[${key}]`)
  const options = {
    applicationToken: auth('application_token'),
    userId: Number(auth('user_id')),
    memberId: auth('member_id'),
    accessToken: auth('access_token'),
    refreshToken: auth('refresh_token'),
    expires: Number(auth('expires')),
    expiresIn: Number(auth('expires_in')),
    scope: auth('scope'),
    domain: auth('domain'),
    clientEndpoint: auth('client_endpoint'),
    serverEndpoint: auth('server_endpoint'),
    status: auth('status'),
  }
  return new B24OAuth(options, app)
}

async function main(control) {
  const portal = await emulator.portal(control, 'b24jssdk')
  const handler = await emulator.handler()
  let b24, callback
  const make = (method, params) => b24.actions.v2.call.make({ method, params })
  const call = async (method, params) => {
    const answer = await make(method, params)
    assert.equal(answer.isSuccess, true, answer.getErrorMessages().join('; '))
    return answer.getData().result
  }
  const start = (more) =>
    portal.post('workflows', { steps: [{ name: 'A1', code: 'sdk', properties: { text: TEXT } }], ...more })

  await seen("a client is made of ONAPPINSTALL's tokens", async () => {
    const { clientId: client_id, clientSecret: client_secret } = app
    await portal.post('apps', { client_id, client_secret, url: handler.url, api_only: true })
    const form = await handler.next()
    assert.equal(form.get('event'), 'ONAPPINSTALL')
    b24 = client(form)
    await b24.initIsAdmin()
    assert.equal(b24.auth.isAdmin, true)
  })

  await seen('bizproc.activity.add', async () => {
    const added = await call('bizproc.activity.add', {
      CODE: 'sdk',
      HANDLER: handler.url,
      NAME: { en: 'By an SDK', ru: 'Через SDK' },
      USE_SUBSCRIPTION: 'Y',
      PROPERTIES: { text: { NAME: 'Text' } },
      RETURN_PROPERTIES: { outputString: { NAME: 'Output', TYPE: 'string' } },
    })
    assert.equal(added, true)
    const [stored] = await portal.get('activities')
    assert.deepEqual([stored.APP_ID, stored.CODE, stored.NAME.RU], [app.clientId, 'sdk', 'Через SDK'])
  })

  await seen('bizproc.activity.list', async () => {
    assert.deepEqual(await call('bizproc.activity.list'), ['sdk'])
  })

  await seen("a client is made of a callback's tokens", async () => {
    const started = await start()
    callback = await handler.next()
    assert.equal(callback.get('workflow_id'), started.id)
    assert.equal(callback.get('properties[text]'), TEXT)
    b24 = client(callback)
    assert.deepEqual(await call('bizproc.activity.list'), ['sdk'])
  })

  await seen('bizproc.activity.log', async () => {
    const params = { EVENT_TOKEN: callback.get('event_token'), LOG_MESSAGE: 'Работаю' }
    assert.equal(await call('bizproc.activity.log', params), true)
    const { log } = await portal.get(`workflows/${callback.get('workflow_id')}`)
    assert.match(JSON.stringify(log), /Работаю/)
  })

  await seen('bizproc.workflow.instances', async () => {
    const ID = callback.get('workflow_id')
    const rows = await call('bizproc.workflow.instances', { SELECT: ['ID', 'STARTED_BY'], FILTER: { ID } })
    assert.deepEqual(rows, [{ ID, STARTED_BY: '1' }])
  })

  await seen('bizproc.event.send', async () => {
    const params = { EVENT_TOKEN: callback.get('event_token'), RETURN_VALUES: { outputString: 'готово' }, LOG_MESSAGE: 'Done' }
    assert.equal(await call('bizproc.event.send', params), true)
    const ended = await portal.get(`wait?workflow=${callback.get('workflow_id')}`)
    assert.deepEqual([ended.state, ended.values.A1.outputString], ['completed', 'готово'])
  })

  await seen("a refused call is the SDK's own error", async () => {
    const params = { EVENT_TOKEN: callback.get('event_token').slice(0, -1), RETURN_VALUES: {} }
    await assert.rejects(make('bizproc.event.send', params), { name: 'AjaxError', code: 'ACCESS_DENIED', status: 403 })
  })

  await seen('an expired token is refreshed', async () => {
    const [refreshes, old] = [await portal.refreshes(), b24.auth.getAuthData()]
    await portal.post(`apps/${app.clientId}/expire`)
    assert.deepEqual(await call('bizproc.activity.list'), ['sdk'])
    assert.equal(await portal.refreshes(), refreshes + 1)
    const renewed = b24.auth.getAuthData()
    assert.notEqual(renewed.access_token, old.access_token)
    assert.notEqual(renewed.refresh_token, old.refresh_token)
  })

  await seen('calls at once refresh once', async () => {
    const refreshes = await portal.refreshes()
    await portal.post(`apps/${app.clientId}/expire`)
    const lists = await Promise.all(Array.from({ length: 5 }, () => call('bizproc.activity.list')))
    assert.deepEqual(lists, Array(5).fill(['sdk']))
    assert.equal(await portal.refreshes(), refreshes + 1)
  })

  await seen('batch', async () => {
    const calls = {
      list: ['bizproc.activity.list'],
      refused: ['bizproc.activity.log', { EVENT_TOKEN: 'no token', LOG_MESSAGE: 'text' }],
      instances: ['bizproc.workflow.instances'],
    }
    const options = { isHaltOnError: false, returnAjaxResult: true }
    const rows = (await b24.actions.v2.batch.make({ calls, options })).getData()
    assert.deepEqual([rows.list.getData().result, rows.instances.getData().result], [['sdk'], []])
    assert.deepEqual([rows.refused.isSuccess, rows.refused.getErrorMessages()], [false, ['Access denied!']])
  })

  const forms = []
  await seen('bizproc.workflow.instances, all pages', async () => {
    await start({ count: MANY })
    while (forms.length < MANY) forms.push(await handler.next())
    const ids = []
    let page = await make('bizproc.workflow.instances', { SELECT: ['ID'] })
    assert.equal(page.getTotal(), MANY)
    for (; page; page = await page.fetchNext(b24.getHttpClient('v2'))) ids.push(...page.getData().result.map((row) => row.ID))
    assert.deepEqual(ids.sort(), forms.map((form) => form.get('workflow_id')).sort())
  })

  await seen('bizproc.event.send in batches', async () => {
    const calls = forms.map((form, i) => [
      'bizproc.event.send',
      { EVENT_TOKEN: form.get('event_token'), RETURN_VALUES: { outputString: String(i) } },
    ])
    const answers = await b24.actions.v2.batchByChunk.make({ calls, options: { isHaltOnError: true } })
    assert.deepEqual(answers.getData(), Array(MANY).fill(true))
    const finished = await portal.get(`wait?counter=workflows_finished&at_least=${MANY + 1}`)
    assert.deepEqual([finished.workflows_finished, finished.steps_completed_twice], [MANY + 1, 0])
  })

  await seen('bizproc.activity.delete', async () => {
    assert.equal(await call('bizproc.activity.delete', { CODE: 'sdk' }), true)
    assert.deepEqual(await portal.get('activities'), [])
  })
}

main(process.argv[2]).then(() => end(0))
