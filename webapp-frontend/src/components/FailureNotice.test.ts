import { flushPromises, mount } from '@vue/test-utils'
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

it('can be closed where it only says something, and leaves the focus to the panel around it', async () => {
  const panel = mount(
    {
      components: { FailureNotice },
      data: () => ({ failure: offline(), shown: true }),
      template: `<div class="panel">
        <h2 tabindex="-1">Ready to check</h2>
        <FailureNotice v-if="shown" :failure="failure" dismissible @dismiss="shown = false" />
      </div>`,
    },
    { attachTo: document.body },
  )
  const close = panel.get<HTMLButtonElement>('[aria-label=Close]')
  close.element.focus()
  await close.trigger('click')
  await flushPromises()
  expect(panel.find('[role=alert]').exists()).toBe(false)
  expect(document.activeElement).toBe(panel.get('h2').element)
  panel.unmount()
})
