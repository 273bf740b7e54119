/* Floating point environment. The control bits of SSE are set by the kernel; its flags can only be raised by computing
 * and cleared all at once. So flags that were raised by hand, or survived a clearing, are kept in `kept`, and every
 * reader sees both. Overlaid on the C library. */
#include <fenv.h>
#include <stdint.h>

#include <signet/calls.h>

static _Thread_local unsigned kept;

static unsigned mxcsr(void) {
  unsigned value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value;
}

static unsigned x87_control(void) {
  unsigned short value;
  __asm__ volatile("fnstcw %0" : "=m"(value));
  return value;
}

static unsigned x87_status(void) {
  unsigned short value;
  __asm__ volatile("fnstsw %0" : "=a"(value));
  return value;
}

#define SSE_CONTROL 0xffc0u
#define X87_CONTROL 0x0f7fu

/* Sets both controls and clears SSE's flags. */
static void set_control(unsigned sse, unsigned x87) {
  signet_floating_point_control(sse & SSE_CONTROL, x87 & X87_CONTROL);
}

int fetestexcept(int mask) { return (int)((mxcsr() | x87_status() | kept) & (unsigned)mask & FE_ALL_EXCEPT); }

int feclearexcept(int mask) {
  unsigned flags = (unsigned)fetestexcept(FE_ALL_EXCEPT);
  unsigned cleared = (unsigned)mask & FE_ALL_EXCEPT;
  if (!(flags & cleared))
    return 0;
  kept = flags & ~cleared;
  if (x87_status() & FE_ALL_EXCEPT)
    __asm__ volatile("fnclex");
  unsigned control = mxcsr();
  if (control & FE_ALL_EXCEPT)
    set_control(control, x87_control());
  return 0;
}

int feraiseexcept(int mask) {
  kept |= (unsigned)mask & FE_ALL_EXCEPT;
  return 0;
}

int fegetround(void) { return (int)(x87_control() & FE_TOWARDZERO); }

/* The rounding bits of SSE are those of x87, three places up. Clearing SSE's flags with them is undone by keeping them.
 */
__attribute__((visibility("hidden"))) int __fesetround(int direction) {
  unsigned rounding = (unsigned)direction & FE_TOWARDZERO;
  unsigned control = mxcsr();
  kept |= control & FE_ALL_EXCEPT;
  set_control((control & ~(FE_TOWARDZERO << 3)) | rounding << 3, (x87_control() & ~FE_TOWARDZERO) | rounding);
  return 0;
}

int fegetenv(fenv_t *environment) {
  *environment = (fenv_t){.__control_word = (unsigned short)x87_control(),
                          .__status_word = (unsigned short)fetestexcept(FE_ALL_EXCEPT),
                          .__tags = 0xffff,
                          .__mxcsr = mxcsr() | (unsigned)fetestexcept(FE_ALL_EXCEPT)};
  return 0;
}

int fesetenv(const fenv_t *environment) {
  unsigned control = 0x37f, sse = 0x1f80, flags = 0;
  if (environment != FE_DFL_ENV) {
    control = environment->__control_word;
    sse = environment->__mxcsr;
    flags = environment->__status_word | environment->__mxcsr;
  }
  __asm__ volatile("fnclex");
  set_control(sse, control);
  kept = flags & FE_ALL_EXCEPT;
  return 0;
}
