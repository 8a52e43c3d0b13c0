"""
Weights of the mask's network, as text.

Written by ``python -m downcore_training.mask_fit``, which fits them to the marked scans
under ``tests/data/mask_references`` that say so, and to generated cores. Base 85 of
little-endian 16-bit floats: for each layer its weight, row by row, then its bias.
"""

SIZES = (33, 32, 16, 7)
"""Features, cells of each hidden layer, classes."""

WEIGHTS = (
    "^RZO69k|1~7B>hfPq=zDZZcxDW3-zytTH|_$FT3Tk*|ZaovcE-5VAlt^d1+u1TdO79yqZvI5|!;Q?{)&<TSh?iY-",
    "$)*ez)w6E(In7dNr2bhWKC*|1JCH@N*OY@*_|1U4D6EHq=Yu`d8JwlWL5IJO`(sJCgYS2zW)8?8XMNhU@!S2CI^Y",
    "OEABI4`8KkThO3fimYdF0>c0eK*%L-yH6^Y&gTS*r4_@5w$zJEH{3!=`I+#vLwj1N3gxMGODJ!$u>c?#453(_%eF",
    "20y0E0DX|eTAt+Zh{4;&Ag)&&TmAKk9Z@I3wVX%HUJvbaJ6R^W52e*DP-?1z-%(JsK7`r{6eXc7bXE}GXYPfc=9-",
    "fahP_+>_gt5o2AvcIIemQ=)pEcP#7_o1;Q6u~{NU%t+9XYu!VK{3o8Mm~xR5IW+Hzf2eTQGjNsWc9>$vEdPK(;3_",
    "`l=f;Mm4Xvm^e5d7_x^c?5|R~SS}8-7&5S|cQLN7I4VsxJ~t$`2Q~w%XtcDrKrjBK<T#75u`!;o0k%;zPqI#_Xsm",
    "6tS+qAWTez>OyQ~~IPdU*rzPqBiNwt(X%c`Ugw6@tTD6@Jj3^GS6Dl{)Nur&fUg0T^()VL)!CoVs=qqZG19XLR<_",
    "BNWZg04=xw6qa4Ua_#RcQgkqNHJkG`X`{UQaiUZ5UoWl1|3nh9iHGZR60<dd9b@R&@Ik1R<9_yH8o2!?Y4C{@i5u",
    "AgDK6d?W|rn*e$WB^tQ)1+B(`g9l0sQUA`8%%evUWXEgh{AjDU@RJnS+(!qGTUoUjL6D<+E7ClqE2f;Zw=e?dU!Z",
    "4pWO1cBUTsULDojKb<3^;ncwYFzBQoIMbD7bAnsJ_^~#5$0@Bfu6k9J+Y2^0}Y74L*E4=&h|aA-rL{_Bmm^FfyRE",
    "KRJ-VI=SV%7P=R~K0L~@nKnzm*gajw7(FpS$-YjvJi$mjYqx8>G`T81+`N`XBsGe>2s?&FSH7paX0wC98Zq{+_cr",
    "IaFtGQ!PQ3!O*SZ71JVGMAro7X@O0w8Iy1h)hF*k5Mk1YMS3_Z8R(YCt2*SWj9+drW^p1A?MShHO@5V`ZR7`n)<-",
    "m*b8BQ77bv#zKy|1d-=N~YwmZ!cA_F*7eTg|tE}W4B#1z$n2lG&MdpdALQi3cK#CQ@KPmBR7059Xs?b6Rn@IH#K5",
    "5LAyCK0yNdMc)Tk&@~B0!SGs$+)Hv`mUa~eS+Bw3uqO_J7buewMia1fPfVc!W*EoVQUb<2!&9>+_7CB=zzB`pOK{",
    "eg55x4;!r!<_itheSmr#enDceQS@dA7^9UaO9{8#RwSRUj?6=Q5x;wnI_HNUvx>ku8?KUB1V_^1MbvW4%PQTembl",
    "0;ey%N3zB~vbw)NeZuEMVJ!keE4y#Fpujsp3^~m?T10F>jl%uN6T5IfjY0S`ez}syOSvRPI77_3RX_W&Z!nTXAHj",
    "e<FvljtgT+Tlnn9R1T|TwEfx|MgHaa}M<G_JA#y#i3AGyFIdcdSVv%(X+zd)G5#XZomR=&8v{3|oLf4H4ELO~?Bg",
    "Ev1wV!$-D?KdC42S1&=3A50-`>{^0^S0uw)i;_ns<GFxsWvVz<)0X{_pvZ0tF~V-QKkyBSguUBmbc!sm7#dDK(Y%",
    "qBsg|8{W?55dAFW06*6En0=6kL=DhEsbTnzHe>u0eAhMt~T)Duq$-8YZh_GR}mo=3%vOB1^{W%CYfFyyq*|oSZV7",
    "eMBU^vyb;IKToEVHsG|2hCMu((e&NUp)Gq&U_#+%>;2YpaR07dKnA%qSziQzf-1Yq)_k!ZpCOW-#8ZJG6<s6gOr$",
    "4>c#mKtiZ5fVDTlAu!0i@w~@7wz8c&c0o9`R=Y7gx5I2YK(}5wP_e`|*|}Ihb-IW^nZ3<5@43!AjXdzdIlVtP8N-",
    "=7Vy-O2C_tOS_`kTcI6eYFMZXxiH^G}c@WCj#qdMBEXF%CGL_rI|JiM|q2g12THNE1&&%yh_$HA4y!nMITjItFy$",
    "-WZ1b2&-5v$Zd@0KS<ybFfFZ<~sero}`Joez@$#*}m|-3BcgIA-LqeU_7BZxUzA(623#bc|RPrn!W2hakTTf#<qh",
    "zgQ}1?pE}4RxwwY89<=$l*t||Tj5sAZ<hR(o+BR{vnme4d#4{?q$2H}&Uq3puD!<IMlfY#@X*gdwuQnaIp*=1-Z@",
    "ytf>A5GrbT<V%#6lOn=dB7ouR23J^SC!X>OB3h;<`7)_ps795V>4Gra5*tP%5^u>Ncpl;4VKo{kr5Z!aWW+YP}vj",
    "L%WSW6*nokBfbDXX*LGC@-`<mTsgr!d^jsC6*E>kKezokuCd}ZYrK}T6t*EWA~+E^W4Oz<J~@IhiZEieFe*i#2Q(",
    "Eql(WmS=pHb*s;xq}u{i57ySN{@Uc0)o>a`xSZ!xU8Sv|flRkZ7~=r?&dP`9kMQ@6ahp}Hlgz^gB{$GcIxNH~?Tw",
    "k@o*QZ=lw__H}O%dg$Cnmceb!@M9kI58url)dP(NV)$vb*QX0*fe4=Br>qM;H*=(068SOtGv-UtTv6Y-nStzAvl1",
    "xzOwVUayMN&r8g`%&%6LUzeLGByEgYhmc6V&b-jc(>bwQN{k><zbT3%DTe>B{5-o^3oV_eN3${}`9l)zH$T_RSP`",
    "m6s-MJRRsWFJVE63lqgE=R$y+fHfSiT~|KE$uR=)u6pV>eB?Ma1zq07-AbFun`J4Z-$03Bzf?m%uGK3&ha95y70p",
    "*FmPhNj$nljIa&KFTW(Zr?4r+ZA96~n#CZtc04+*@WwDUJ-yqwp}$!=2Sxt9ytxUeqP>Pi9YSz4NWjj(`Zukt3Ai",
    "+|%`^@)CbOw7SuL9`MlnD!Y&EMY@2})2@G%auZ8)2;1~n})t+l+bmor5!MzA3!=rpV@eK@(P7&Y^-QZ=rww7gxgW",
    "-nPW?lFxr-Z$MWF|1N6RJo+MuPPv{5IoH(s5ewN9y7k7#;G>2IJ4BVezIewtTT}|&b$D!U^ojEOgecu3^DV!Evq1",
    "?wYLqpnYOpI$vmtm(=|b?Lo`{kwYNdEr>+4Yel&V5oH*$)Bq$6tFStam&@~IO_p`REoGck7r>#gd-YRl0$u@j6Iy",
    "Cb!KPUt+4LS6%3a^4Fzp>aWO)dy8*fZXvmn)_$NixVOy){0wP_?it;<FPeVme|sb1>W|_B3iS$)m6+W;GS1b2p)=",
    "<hP5l#5^@F;xren%%!X)h%;#}YqY1YG$+Ne1vOka7qm68jwW5Lyu7Kid^8THYp~O>&oG-XGOcB=&osob=eZ;;4L7",
    "K>t*eeP9W|}8NGMRUC%0y>k+cl9^*R1FmNQf$Q#R)+rntwqFfG!dkt7^11UaTOh%_oIR<$RzEIGn20lW#V+cYmLs",
    "jlNQZ6}N~=PUst*EFpzjyM4)s5scIq&b8oRkH#pShXlC*D~KJnlM&1EHTM2h_GR^RyonGu`~Cr<1YZQAh=&G0X6G",
    "15ix-;Vl3D%E-k31rnAATud<;j61agVyDVfRLNW?7{U|Og+cWtx-8r$eo-`Y(EVdUfVlXQ)B(gLlPc$tvlPruel`",
    "gh1Niz34g)QAHvb@zPZ8Zlnwlyy=AfmT32Q`T?iZ$FU4lyP=DY!whYdHF`VKPlNwlw>-?=4)mfwcj&4yQ-3EIBW^",
    "t}|JxlC%%8(6#z7hBQbtMllRBqA?*Z<uT4O7`<dP@UtN(0Iv_NaXX$hkST~SC^6rq7r4Z$Uazt-V>U@JJ+w%$%dy",
    "(95;;RM@G{Y{H7vWZ47hEw-KRve6D+o(DV&6_WjBwau{c*X4mbcT#I%U9nX!YsAT$26q%G7ni8P5RBs3<gezZ)r1",
    "guIja4QHg0X0xG<1Mr?HXtjrq_1bOPqFi}h&f@OXgbNUR<;<opS1w7KrnN(`n1O?TCRr~p01^@!#LWk@}^EOGOF{",
    "cLNwbkax|JUFt%PP_btM(0J*QQtF-yHN3*pt>N2D;)-kU%P%sfNS+te7(=_QR&$!1Vr!|)}ps**i@~`@`jkP#4z%",
    "u192{sG3v$CwQr?Ez|{yDWc`70%}T`hmKsk)Z5p0KN~OggPD7_T-g<TW(1Z?tTvBr)JGmoEe}y)I8PN-sDscDF(_",
    "J1t<c1303x`LegDyS8~V-!c>|$u{RU-YrWnF0KH)QafHQK`aWcjV;To7#s~S5F#ls<}@WR1uXV3+p<I=>^V57x4O",
    "H&U%u!qPP};{45~G<S1k-NyfK=vAFEZlTsq3O8ob}SojeFA&#yum=P{tNYpm%Y(za1KXt9Ml5VQ)jTq}RI8am^%A",
    "*S^%SG5MHZ?_&JVK5*();k+BZ?aA{g{0Ln(XC>wsIpwPel!y?>#4uAxVHbYAu@(EAg~9rII_j7&a_IiH#xVtLNB`",
    "^Gcy9N|G8~6Rk}~DcCYiTm9(%c9yALw61P<`PpQ|jQL(Kwfw9!Ikg`j(y{03mI=f6d#<zU9tUNNbI68)|a5U68@w",
    "h@cM65fx6EPpLLac%>B`xhQBO?",
)
