#include "mcp/http_date.h"

enum {
    SECONDS_PER_DAY = 86400,
    HALF_CENTURY = 50 /* years; a year of two digits is the nearest one (RFC 9110 section 5.6.7) */
};

typedef struct moment {
    int64_t year;
    int month; /* 1 to 12 */
    int day;
    int hour;
    int minute;
    int second;
} moment;

/* Days since 1970-01-01 of a date in the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
    /* Years that begin in March put the leap day at the end; 400 of them have 146097 days. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t month_from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* The year of a moment, or the one beside it: enough to choose a century by. */
static int64_t year_near(int64_t seconds)
{
    return 1970 + seconds / SECONDS_PER_DAY * 400 / 146097;
}

/* Takes one byte from the front of *text when it is `byte`. */
static bool take_byte(souk_slice *text, char byte)
{
    if (text->len == 0 || text->ptr[0] != byte) {
        return false;
    }
    *text = souk_slice_from(*text, 1);
    return true;
}

/* Takes exactly `count` digits. */
static bool take_number(souk_slice *text, size_t count, int *out)
{
    int number = 0;
    if (text->len < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9') {
            return false;
        }
        number = number * 10 + (text->ptr[i] - '0');
    }
    *text = souk_slice_from(*text, count);
    *out = number;
    return true;
}

static bool take_month(souk_slice *text, int *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        souk_slice name = souk_slice_make(names + (size_t)i * 3, 3);
        if (souk_slice_starts(*text, name)) {
            *text = souk_slice_from(*text, name.len);
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(souk_slice *text, moment *m)
{
    return take_number(text, 2, &m->hour) && take_byte(text, ':') &&
           take_number(text, 2, &m->minute) && take_byte(text, ':') &&
           take_number(text, 2, &m->second);
}

/* The name of the day says nothing that the date does not: letters are enough. */
static void skip_day_name(souk_slice *text)
{
    while (text->len > 0 && ((text->ptr[0] >= 'A' && text->ptr[0] <= 'Z') ||
                             (text->ptr[0] >= 'a' && text->ptr[0] <= 'z'))) {
        *text = souk_slice_from(*text, 1);
    }
}

/* "Sun Nov  6 08:49:37 1994", behind the day's name */
static bool read_asctime(souk_slice text, moment *m)
{
    int year;
    bool ok = take_byte(&text, ' ') && take_month(&text, &m->month) && take_byte(&text, ' ');
    ok = ok &&
         (take_byte(&text, ' ') ? take_number(&text, 1, &m->day) : take_number(&text, 2, &m->day));
    ok = ok && take_byte(&text, ' ') && take_time(&text, m) && take_byte(&text, ' ') &&
         take_number(&text, 4, &year) && text.len == 0;
    m->year = ok ? year : 0;
    return ok;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" or "Sunday, 06-Nov-94 08:49:37 GMT", behind the comma */
static bool read_with_zone(souk_slice text, int64_t now, moment *m)
{
    int year = 0;
    if (!take_byte(&text, ' ') || !take_number(&text, 2, &m->day)) {
        return false;
    }
    bool is_short = take_byte(&text, '-');
    bool ok = (is_short || take_byte(&text, ' ')) && take_month(&text, &m->month) &&
              take_byte(&text, is_short ? '-' : ' ') && take_number(&text, is_short ? 2 : 4, &year);
    m->year = year;
    if (is_short) {
        int64_t this_year = year_near(now);
        m->year += this_year - this_year % 100;
        if (m->year > this_year + HALF_CENTURY) {
            m->year -= 100;
        } else if (m->year <= this_year - HALF_CENTURY) {
            m->year += 100;
        }
    }
    return ok && take_byte(&text, ' ') && take_time(&text, m) && souk_slice_is(text, " GMT");
}

static bool is_possible(const moment *m)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return m->day >= 1 && m->day <= days[m->month - 1] && m->hour < 24 && m->minute < 60 &&
           m->second <= 60;
}

bool souk_http_date_read(souk_slice text, int64_t now, int64_t *seconds)
{
    moment m = {0, 0, 0, 0, 0, 0};
    text = souk_slice_trim(text);
    skip_day_name(&text);
    bool ok = take_byte(&text, ',') ? read_with_zone(text, now, &m) : read_asctime(text, &m);
    if (!ok || !is_possible(&m)) {
        return false;
    }
    *seconds = days_of(m.year, m.month, m.day) * SECONDS_PER_DAY + m.hour * 3600 + m.minute * 60 +
               m.second;
    return true;
}
