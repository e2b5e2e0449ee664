/* What a search will cost, for a person or as JSON. */
#ifndef STARCL_REPORT_FORECAST_H
#define STARCL_REPORT_FORECAST_H

#include "run/forecast.h"

#include <stdio.h>

void report_forecast(const struct forecast *forecast, bool json, FILE *out);

#endif
