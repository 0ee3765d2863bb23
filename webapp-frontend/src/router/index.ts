import { nextTick } from 'vue'
import { createRouter, createWebHistory } from 'vue-router'
import DetectView from '@/views/DetectView.vue'

const name = 'Deepfake detection'

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', component: DetectView, meta: { title: 'Check a photograph' } },
    {
      path: '/compare',
      component: () => import('@/views/CompareView.vue'),
      meta: { title: 'Compare' },
    },
    {
      path: '/many',
      component: () => import('@/views/ManyView.vue'),
      meta: { title: 'Many photographs' },
    },
    {
      path: '/models',
      component: () => import('@/views/ModelsView.vue'),
      meta: { title: 'Models' },
    },
    {
      path: '/models/:name',
      component: () => import('@/views/ModelView.vue'),
      props: true,
      meta: { title: 'Model' },
    },
    {
      path: '/logs',
      component: () => import('@/views/LogsView.vue'),
      meta: { title: 'Training logs' },
    },
    { path: '/api', component: () => import('@/views/ApiView.vue'), meta: { title: 'API' } },
    {
      path: '/:path(.*)*',
      component: () => import('@/views/NotFoundView.vue'),
      meta: { title: 'Page not found' },
    },
  ],
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? false : { top: 0 }),
})

router.afterEach(async (to, from, failure) => {
  if (failure) return
  const page = typeof to.params.name === 'string' ? to.params.name : to.meta.title
  document.title = `${page} · ${name}`
  const firstLoad = from.matched.length === 0
  if (firstLoad || to.path === from.path) return
  await nextTick()
  // so that a keyboard or a screen reader starts at the new page, not at the old link
  document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true })
})
