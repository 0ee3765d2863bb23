import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { Failure, offline } from '@/api/failure'
import FailureNotice from './FailureNotice.vue'

it('is announced and offers to try again what may pass', async () => {
  const notice = mount(FailureNotice, { props: { failure: offline(), subject: 'portrait.jpg' } })
  expect(notice.get('[role=alert]').text()).toContain('portrait.jpg')
  await notice.get('button').trigger('click')
  expect(notice.emitted('retry')).toHaveLength(1)
})

it('offers no retry for a file that will never do', () => {
  const failure = new Failure('refused', 'notes.txt is not an image', 'Choose a photograph.')
  const notice = mount(FailureNotice, { props: { failure } })
  expect(notice.find('button').exists()).toBe(false)
})
