# The hypervolume that the rows read so far dominate together, after each row: awk -f bench/hypervolume.awk
#
# Rows have the words to print and then three coordinates, smaller is better; the volume is that up to (1, 1, 1). It is
# cut into slices along the third coordinate: within a slice the points of a smaller third one make a staircase in the
# other two, whose area is summed step by step.
function area(count, i, step, sum, x, y) {
    # By the first coordinate; a step begins where the second falls below all before.
    for (i = 2; i <= count; i++)
        for (step = i; step > 1 && sx[step] < sx[step - 1]; step--) {
            x = sx[step]; sx[step] = sx[step - 1]; sx[step - 1] = x
            y = sy[step]; sy[step] = sy[step - 1]; sy[step - 1] = y
        }
    sum = 0
    y = 1
    for (i = 1; i <= count; i++)
        if (sy[i] < y) {
            sum += (1 - sx[i]) * (y - sy[i])
            y = sy[i]
        }
    return sum
}
{
    words = ""
    for (i = 1; i <= NF - 3; i++)
        words = words $i " "
    if ($(NF - 2) < 1 && $(NF - 1) < 1 && $NF < 1) {
        n++
        for (place = n; place > 1 && pz[place - 1] > $NF; place--) {
            px[place] = px[place - 1]; py[place] = py[place - 1]; pz[place] = pz[place - 1]
        }
        px[place] = $(NF - 2); py[place] = $(NF - 1); pz[place] = $NF
    }
    volume = 0
    for (k = 1; k <= n; k++) {
        top = k < n ? pz[k + 1] : 1
        if (top <= pz[k])
            continue
        for (i = 1; i <= k; i++) {
            sx[i] = px[i]; sy[i] = py[i]
        }
        volume += area(k) * (top - pz[k])
    }
    printf "%s%.6f\n", words, volume
}
