/* Dates as HTTP writes them (RFC 9110, 5.6.7). The core only. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apps/web/web.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
#define DATE_LAST 253402300799 /* 31 Dec 9999 */

void date_write(char to[DATE_LENGTH + 1], int64_t seconds) {
  time_t time = seconds < 0 ? 0 : seconds > DATE_LAST ? DATE_LAST : seconds;
  struct tm tm;
  gmtime_r(&time, &tm);
  unsigned day = tm.tm_mday, year = 1900u + tm.tm_year, hour = tm.tm_hour, minute = tm.tm_min, second = tm.tm_sec;
  snprintf(to, DATE_LENGTH + 1, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday, day % 100,
           months + 3 * tm.tm_mon, year % 10000, hour % 100, minute % 100, second % 100);
}

bool date_read(const char *text, int64_t *seconds) {
  char month[4] = "", day_name[12];
  struct tm tm = {0};
  int end = 0, year = 0;
  if (sscanf(text, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", day_name, &tm.tm_mday, month, &year, &tm.tm_hour,
             &tm.tm_min, &tm.tm_sec, &end) == 7 &&
      end) {
  } else if (sscanf(text, "%11[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", day_name, &tm.tm_mday, month, &year,
                    &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) == 7 &&
             end) {
    year += year < 70 ? 2000 : 1900;
  } else if (sscanf(text, "%3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", day_name, month, &tm.tm_mday, &tm.tm_hour,
                    &tm.tm_min, &tm.tm_sec, &year, &end) == 7 &&
             end) {
  } else {
    return false;
  }
  if (text[end] || strlen(month) != 3)
    return false;
  const char *at = strstr(months, month);
  if (!at || (at - months) % 3 || tm.tm_mday < 1 || tm.tm_mday > 31 || year < 1970 || tm.tm_hour < 0 ||
      tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
    return false;
  tm.tm_mon = (int)(at - months) / 3;
  tm.tm_year = year - 1900;
  *seconds = timegm(&tm);
  return true;
}
