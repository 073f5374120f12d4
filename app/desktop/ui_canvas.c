/* ui_canvas.c: a picture in a pane. */
#include "app/desktop/ui_canvas.h"

#include <math.h>

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static bool is_usable(const ui_canvas *c)
{
    return c->width > 0 && c->height > 0 && c->pane_width > 0 && c->pane_height > 0;
}

static double fit_zoom(const ui_canvas *c)
{
    double z = fmin(c->pane_width / c->width, c->pane_height / c->height);
    return z > 8.0 ? 8.0 : z; /* a 10 x 10 icon does not fill a wall */
}

/* At least a quarter of the pane's smaller side (or all of a small picture) stays in sight. */
static void keep_in_sight(ui_canvas *c)
{
    double w = c->width * c->zoom, h = c->height * c->zoom;
    double mx = fmin(c->pane_width / 4, w), my = fmin(c->pane_height / 4, h);
    c->x = clamp(c->x, mx - w, c->pane_width - mx);
    c->y = clamp(c->y, my - h, c->pane_height - my);
}

void ui_canvas_fit(ui_canvas *c)
{
    c->fitted = true;
    if (!is_usable(c))
        return;
    c->zoom = fit_zoom(c);
    c->x    = (c->pane_width - c->width * c->zoom) / 2;
    c->y    = (c->pane_height - c->height * c->zoom) / 2;
}

void ui_canvas_picture(ui_canvas *c, int width, int height)
{
    c->width    = width;
    c->height   = height;
    c->zoom     = 1;
    c->x        = 0;
    c->y        = 0;
    c->dragging = c->drawing = false;
    c->drawn                 = (chat_region){0};
    ui_canvas_fit(c);
}

void ui_canvas_pane(ui_canvas *c, double width, double height)
{
    double dx = (width - c->pane_width) / 2, dy = (height - c->pane_height) / 2;
    c->pane_width  = width > 0 ? width : 0;
    c->pane_height = height > 0 ? height : 0;
    if (c->fitted) {
        ui_canvas_fit(c);
    } else if (is_usable(c)) {
        c->x += dx;
        c->y += dy;
        keep_in_sight(c);
    }
}

void ui_canvas_full_size(ui_canvas *c)
{
    if (!is_usable(c))
        return;
    ui_canvas_zoom(c, 1.0 / c->zoom, c->pane_width / 2, c->pane_height / 2);
}

void ui_canvas_zoom(ui_canvas *c, double factor, double x, double y)
{
    if (!is_usable(c) || !isfinite(factor) || factor <= 0)
        return;
    double low  = fmin(fit_zoom(c), 1.0) / 4;
    double zoom = clamp(c->zoom * factor, low, UI_CANVAS_MAX_ZOOM);
    double real = zoom / c->zoom;
    c->x        = x - (x - c->x) * real;
    c->y        = y - (y - c->y) * real;
    c->zoom     = zoom;
    c->fitted   = false;
    keep_in_sight(c);
}

void ui_canvas_pan(ui_canvas *c, double dx, double dy)
{
    if (!is_usable(c) || !isfinite(dx) || !isfinite(dy) || fabs(dx) + fabs(dy) <= 0)
        return; /* a click is no move: what fits goes on fitting */
    c->x += dx;
    c->y += dy;
    c->fitted = false;
    keep_in_sight(c);
}

void ui_canvas_to_picture(const ui_canvas *c, double x, double y, double *px, double *py)
{
    *px = c->zoom > 0 ? (x - c->x) / c->zoom : 0;
    *py = c->zoom > 0 ? (y - c->y) / c->zoom : 0;
}

void ui_canvas_to_pane(const ui_canvas *c, double px, double py, double *x, double *y)
{
    *x = c->x + px * c->zoom;
    *y = c->y + py * c->zoom;
}

bool ui_canvas_pixel(const ui_canvas *c, double x, double y, int *px, int *py)
{
    double fx, fy;
    ui_canvas_to_picture(c, x, y, &fx, &fy);
    if (!is_usable(c) || !(fx >= 0 && fy >= 0 && fx < c->width && fy < c->height))
        return false;
    *px = (int)fx;
    *py = (int)fy;
    return true;
}

static void update_drawn(ui_canvas *c)
{
    double x0, y0, x1, y1;
    ui_canvas_to_picture(c, fmin(c->start_x, c->last_x), fmin(c->start_y, c->last_y), &x0, &y0);
    ui_canvas_to_picture(c, fmax(c->start_x, c->last_x), fmax(c->start_y, c->last_y), &x1, &y1);
    x0       = clamp(floor(x0 + 0.5), 0, c->width);
    y0       = clamp(floor(y0 + 0.5), 0, c->height);
    x1       = clamp(floor(x1 + 0.5), 0, c->width);
    y1       = clamp(floor(y1 + 0.5), 0, c->height);
    c->drawn = (chat_region){(int)x0, (int)y0, (int)(x1 - x0), (int)(y1 - y0)};
}

void ui_canvas_down(ui_canvas *c, double x, double y, bool draw)
{
    if (!is_usable(c) || !isfinite(x) || !isfinite(y))
        return;
    c->dragging = !draw;
    c->drawing  = draw;
    c->start_x = c->last_x = x;
    c->start_y = c->last_y = y;
    c->drawn               = (chat_region){0};
}

void ui_canvas_move(ui_canvas *c, double x, double y)
{
    if (!isfinite(x) || !isfinite(y))
        return;
    if (c->dragging)
        ui_canvas_pan(c, x - c->last_x, y - c->last_y);
    c->last_x = x;
    c->last_y = y;
    if (c->drawing)
        update_drawn(c);
}

bool ui_canvas_up(ui_canvas *c, double x, double y)
{
    bool drew = c->drawing;
    if (drew || c->dragging)
        ui_canvas_move(c, x, y);
    c->dragging = c->drawing = false;
    return drew && c->drawn.width >= 4 && c->drawn.height >= 4;
}
